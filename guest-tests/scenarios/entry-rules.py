# SPDX-License-Identifier: MIT
"""Guest-state fields spoilt one by one under AMD-V: the checker names the rule, the machine crashes with it, another goes on."""

import time

TIME_LIMIT = 300
VICTIM = "<domain type='kvm'><name>victim</name><memory unit='MiB'>128</memory><os><type>hvm</type>" \
         "<kernel>/solera/demo-vmlinuz</kernel></os></domain>"
# Field, what it is to hold, the rule that it breaks. The victim stands at the start of a 64-bit kernel.
ROWS = (
    ('CR0', '0x20000011', 'cr0_cache'),
    ('CR0', '0x180010033', 'cr0_high'),
    ('CR4', '0xffffffff', 'cr4_reserved'),
    ('DR6', '0x1ffff0ff0', 'dr6_high'),
    ('DR7', '0x100000400', 'dr7_high'),
    ('EFER', '0x2', 'svme'),
    ('EFER', '0x1d03', 'efer_reserved'),
    ('CR4', '0', 'long_pae'),
    ('CS.Attrib', '0xe9b', 'long_cs'),
    ('RFLAGS', '0', 'rflags'),
)
BY_THE_CPU = ('CR0', 'EFER')  # tried also with --enter: the CPU refuses by itself
OTHER_BLOCK = 'VMCS'


def spoil(m, field, value, rule, enter):
    assert m.command('start victim --paused') == "Domain 'victim' started\n\n"
    check = m.command('vmcheck victim')
    assert check.startswith('all ') and 'rules hold' in check, check
    answer = m.command(f'vmbreak victim "{field}" {value}{" --enter" if enter else ""}')
    assert answer == f"'{field}' is {int(value, 0):#x} now\n\n", answer
    check = m.command('vmcheck victim')
    assert f'\n  {rule}: ' in check, check
    m.command('resume victim')
    end = time.monotonic() + 60
    reason = ''
    # Not by the log's line: of a domain that crashes again and again not each is shown.
    while not reason.startswith('crashed') and time.monotonic() < end:
        reason = m.command('domstate victim --reason')
    how = 'failed' if enter else 'would fail (it was not tried)'
    assert f'crashed (panicked: entry into the guest {how}' in reason, reason
    assert f': rule {rule} is broken: ' in reason, reason
    assert 'vCPU 0\nRAX=' in m.command('vcpu-regs victim')


def refuse(m, other):
    """What cannot be spoilt, and the other vendor's block, are refused in words."""
    assert m.command('start victim --paused') == "Domain 'victim' started\n\n"
    answer = m.command(f'{other.lower()} victim')
    assert f'error: Operation not supported: this CPU has no {other}' in answer, answer
    assert "is no field of the" in m.command('vmbreak victim nothing 1')
    offset = '0x2010' if other == 'VMCB' else '0x50'  # the TSC offset, by its number
    assert 'only guest-state fields can be spoilt' in m.command(f'vmbreak victim {offset} 1')
    m.command('destroy victim')


def session(boot, m, rows, by_the_cpu, other):
    """Used by entry-rules-vmx, too."""
    m.wait_prompt(150)
    # In Bochs a busy guest with interrupts off keeps the host's serial line waiting, and pasted bytes are lost: it boots first.
    m.send_line('console demo')
    m.wait(r'demo:/root# ', 400)
    m.send(b'\x1d')
    m.wait_prompt()
    m.send_line('define')
    m.wait('Paste the domain')
    m.send(VICTIM + '\r\r')
    m.wait("^Domain 'victim' defined", 30)
    m.wait_prompt()
    refuse(m, other)
    tried = set()
    for field, value, rule in rows:
        spoil(m, field, value, rule, False)
        if field in by_the_cpu and field not in tried:
            tried.add(field)
            spoil(m, field, value, rule, True)
    # Nobody else noticed.
    assert 'running' in m.command('domstate demo')
    m.send_line('console demo')
    m.send('\recho $((6 * 7)) still here\r')
    m.wait(r'^42 still here', 60)
    m.send(b'\x1d')
    m.wait_prompt()


def run(boot):
    m = boot(image='build/demo.img', memory='1G')
    session(boot, m, ROWS, BY_THE_CPU, OTHER_BLOCK)
