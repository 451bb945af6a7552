# SPDX-License-Identifier: MIT
"""Three machines at once on four CPUs: each computes right, CPUs share the work, and starting and stopping loses nothing."""
import hashlib
import re

FULL = True
TIME_LIMIT = 900
MIB = 24
ANOTHER = '''<domain type='kvm'><name>{0}</name><memory unit='MiB'>128</memory>
<os><type>hvm</type><kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os><features><acpi/></features>
<devices><serial type='pty'/></devices></domain>'''


def work_ns(m, cpu):
    text = m.command(f'nodecpustats --cpu {cpu}')
    return sum(int(re.search(rf'^{name}: +(\d+)', text, re.M).group(1)) for name in ('user', 'system'))


def enter(m, name):
    m.send_line(f'console {name}')
    m.wait(r'Escape character is \^\]')


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def run(boot):
    m = boot(image='build/demo.img', memory='2G', smp=4)
    m.wait_prompt(120)
    for name in ('second', 'third'):
        m.send_line('define')
        m.wait('Paste the domain')
        m.send(ANOTHER.format(name).replace('\n', '\r') + '\r')
        m.wait(f"^Domain '{name}' defined from pasted text", 30)
        m.wait_prompt()
        assert m.command(f'start {name}') == f"Domain '{name}' started\n\n"
    machines = ('demo', 'second', 'third')
    for name in machines:
        enter(m, name)
        m.wait(r'demo:/root# ', 240)
        leave(m)
    before = [work_ns(m, cpu) for cpu in range(4)]
    for name in machines:
        enter(m, name)
        m.send(f'dd if=/dev/zero bs=1M count={MIB} 2>/dev/null | sha256sum >sum; echo done >>sum\r')
        m.wait(r'>>sum')
        leave(m)
    expected = hashlib.sha256(bytes(MIB << 20)).hexdigest()
    for name in machines:
        enter(m, name)
        m.send('until grep -q done sum; do sleep 1; done; cat sum\r')
        m.wait(expected, 240)
        leave(m)
    worked = [work_ns(m, cpu) - since for cpu, since in enumerate(before)]
    print('      work a CPU, ms:', [ns // 1000000 for ns in worked])
    assert sum(ns > max(worked) / 20 for ns in worked) >= 2, worked

    for name in ('second', 'third'):
        m.command(f'destroy {name}')
    for _ in range(3):  # both at once, as below: what their objects need at most is there then
        for name in ('second', 'third'):
            m.command(f'start {name}')
        for name in ('second', 'third'):
            m.command(f'destroy {name}')
    memory = m.command('nodememstats')
    for i in range(40):
        for name in ('second', 'third'):
            assert m.command(f'start {name}') == f"Domain '{name}' started\n\n", i
        for name in ('second', 'third'):
            assert m.command(f'destroy {name}') == f"Domain '{name}' destroyed\n\n", i
    assert m.command('nodememstats') == memory
    m.send_line('poweroff')
    m.wait_exit(90)
