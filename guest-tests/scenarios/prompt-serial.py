# SPDX-License-Identifier: MIT
"""The prompt on the serial line, driven as a person does: editing, completion, history, errors, nonsense."""


def run(boot):
    m = boot(smp=2)
    m.wait_prompt(90)
    assert 'Running hypervisor: Solera ' in m.command('version')
    assert m.command('echo a  "b c"') == 'a b c\n\n'
    assert "error: unknown command: 'frobnicate'" in m.command('frobnicate')

    m.send('vesrion\x1b[D\x1b[D\x1b[D\x1b[D\x7f\x1b[Cs\r')  # ves|rion: the s goes behind the r
    m.wait(r'version\n')
    m.wait('Running hypervisor')
    m.wait_prompt()
    m.send('nodei\t')
    m.wait(r'nodeinfo $')
    m.send('\r')
    assert int(m.wait(r'^CPU\(s\): +(\d+)\n').group(1)) in (1, 2)
    memory = int(m.wait(r'^Memory size: +(\d+) KiB\n').group(1))
    assert 900 * 1024 < memory <= 1024 * 1024, memory
    m.wait_prompt()
    m.send('node\t\t')
    m.wait('nodecpustats .*nodeinfo')
    m.send('\x03')
    m.wait_prompt()
    m.send('\x1b[A\x1b[A\x1b[B\r')  # the last line again
    m.wait(r'nodeinfo \n')
    m.wait('^Memory size')
    m.wait_prompt()

    m.send('echo árbol 中文\x1b[D\x1b[D->\r')
    m.wait('^árbol ->中文\n')
    m.wait_prompt()

    # Nonsense: a line of 64 KiB, binary noise, escape sequences that never end. The prompt lives.
    m.send('x' * 65536 + '\r')
    m.wait('^error: line longer than 8191 bytes: not run', 60)
    m.wait_prompt()
    noise = bytes((i * 167 + i // 251) & 0xff for i in range(20000)).replace(b'\r', b'').replace(b'\n', b'')
    m.send(noise + b'\x1b]0;never\x1b[12;\x1bP\x03')
    m.send(b'\x03\r')
    m.send(b'\x15echo still here\r')
    m.wait('^still here\n')
    m.wait_prompt()

    # A paste of many lines at once.
    m.send(''.join(f'echo line {i}\r' for i in range(50)))
    for i in range(50):
        m.wait(f'^line {i}\n')
    m.wait_prompt()
    m.send('dmesg -w\r')
    m.wait(r'^\[ *\d+\.\d{6}\] Solera ')
    m.send('\x03')
    m.wait_prompt()
    m.send_line('poweroff')
    m.wait_exit(30)
