# SPDX-License-Identifier: MIT
"""Bad input at the prompt and on the boot medium: one line says what and where, and nothing half-made stays."""

TIME_LIMIT = 180


def domain(name, kernel='/solera/short', memory=64, more=''):
    return (f"<domain type='kvm'><name>{name}</name><memory unit='MiB'>{memory}</memory><os><type>hvm</type>"
            f"<kernel>{kernel}</kernel></os>\n{more}\n</domain>")


def run(boot):
    import os
    files = {}
    domains = []

    def keep(name, text):
        path = os.path.join(boot.directory, name)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    with open('build/deps/kernel/vmlinuz', 'rb') as file:
        kernel = file.read()
    files[keep('short', kernel[:20000])] = 'short'
    files[keep('empty', b'x')] = 'empty'
    files[keep('forged', kernel[:0x1f1] + b'\xff' + kernel[0x1f2:0x20000])] = 'forged'
    for name, text in {
        'good.xml': domain('good'), 'twice.xml': domain('good'), 'broken.xml': '<domain>\n<name>x</nome></domain>',
        'graphics.xml': domain('g', more="<devices><graphics type='vnc'/></devices>"),
        'zero.xml': domain('z', more='<vcpu>0</vcpu>'), 'many.xml': domain('m', more='<vcpu>1000</vcpu>'),
        'doctype.xml': "<!DOCTYPE domain [<!ENTITY a 'b'>]>\n" + domain('e'),
    }.items():
        domains.append(keep(name, text))
    m = boot(image=boot.image(files=files, domains=domains), memory='1G')
    m.wait_prompt(120)

    log = m.command('dmesg')
    for words in ("domain 'good' already exists with uuid" if "'good' defined from good.xml" in log else 'good',
                  'broken.xml:2: mismatched tag',
                  'graphics.xml:2: <graphics>: not supported by this version of Solera',
                  'zero.xml:2: <vcpu>: 0 is out of range, a machine has 1 to 64 vCPUs',
                  'many.xml:2: <vcpu>: 1000 is out of range, a machine has 1 to 64 vCPUs',
                  'doctype.xml:1: a DOCTYPE is not accepted'):
        assert words in log, words + '\n' + log
    assert m.command('list --all --name') == 'good\n\n'
    before = m.command('nodememstats')

    def paste(verb, text, *wanted):
        m.send_line(verb)
        m.wait('Paste the domain')
        m.send(text.replace('\n', '\r') + '\r')
        for words in wanted:
            m.wait(words, 30)
        m.wait_prompt()

    for name, words in (('short', '(truncated|short|ends|cut|beyond|bytes)'), ('empty', 'kernel'), ('forged', '[a-z]')):
        paste('create', domain('bad', kernel='/solera/' + name), '^error: Failed to create domain from pasted text\n',
              '^error: operation failed: [^\n]*' + words)
    paste('create', domain('bad', kernel='/solera/nothing'), '^error: Failed to create domain',
          r"error: operation failed: <kernel>: there is no file 'nothing' in \\solera\\ on the boot medium")
    paste('create', domain('bad', memory=1 << 20), '^error: Failed to create domain',
          r'error: out of memory: <memory>: the machine needs 1073741824 KiB, this host has \d+ KiB free')
    paste('define', domain('good'), "error: operation failed: domain 'good' already exists with uuid")
    paste('define', '<domain>\n\n<x/></domain>', 'error: pasted text:1: <domain>: missing domain type attribute')
    paste('define', domain('v', more="<vcpu>1000</vcpu>"), r'error: pasted text:2: <vcpu>: 1000 is out of range, a machine has 1 to 64 vCPUs')
    paste('define', domain('v', kernel='/boot/vmlinuz'), "error: pasted text:1: <kernel>: '/boot/vmlinuz' is not a file of Solera")
    assert "error: Failed to start domain 'good'" in m.command('start good')
    assert m.command('domstate good --reason') == 'shut off (failed)\n\n'
    assert m.command('list --all --name') == 'good\n\n'
    assert m.command('list --name') == '\n'
    after = m.command('nodememstats')
    free = [int(text.split('free   :')[1].split()[0]) for text in (before, after)]
    assert free[1] >= free[0] - 64, f'pages were lost: {before}{after}'
    m.send_line('poweroff')
    m.wait_exit(60)
