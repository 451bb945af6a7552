# SPDX-License-Identifier: MIT
"""Under VT-x, in Bochs: 100 times start and destroy without a lost page, then three Linux machines at once."""

FULL = True
TIME_LIMIT = 1800
CYCLES = 100
OTHER = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>160</memory>
<os><type>hvm</type><kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os><features><acpi/></features>
<devices><serial type='pty'/></devices></domain>'''
MACHINES = ('demo', 'second', 'third')


def start_all(m):
    # Paused, because a guest that boots with interrupts off keeps the host's serial line waiting in Bochs, and pasted bytes are lost.
    for name in MACHINES[1:]:
        m.send_line('create --paused')
        m.wait('Paste the domain')
        m.send(OTHER.format(name=name).replace('\n', '\r') + '\r')
        m.wait(f"^Domain '{name}' created from pasted text", 60)
        m.wait_prompt()
    m.command('start demo', 60)
    for name in MACHINES[1:]:
        m.command(f'resume {name}', 60)
    assert m.command('list').count('running') == 3


def destroy_all(m):
    for name in MACHINES:
        assert m.command(f'destroy {name}') == f"Domain '{name}' destroyed\n\n"


def run(boot):
    m = boot.bochs(image='build/demo.iso', memory='1024M')
    m.wait_prompt(180)
    m.command('destroy demo')
    for _ in range(2):  # whatever is made once and kept, is made now
        start_all(m)
        destroy_all(m)
    before = m.command('nodememstats')
    for i in range(CYCLES):
        assert m.command('start demo', 60) == "Domain 'demo' started\n\n", i
        assert m.command('destroy demo', 60) == "Domain 'demo' destroyed\n\n", i
    after = m.command('nodememstats')
    assert after == before, f'after {CYCLES} cycles:\n{before}{after}'

    start_all(m)
    for name in MACHINES:
        m.send_line(f'console {name}')
        m.wait(r'demo:/root# ', 900)
        m.send(f'echo this is {name}; echo $((6 * 7))\r')
        m.wait(f'^this is {name}\n42', 120)
        m.send(b'\x1d')
        m.wait_prompt()
    destroy_all(m)
    after = m.command('nodememstats')
    assert after == before, f'after three machines:\n{before}{after}'
