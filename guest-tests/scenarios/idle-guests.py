# SPDX-License-Identifier: MIT
"""Sixteen idle Linux guests on an idle host: what wakes the host is their own timers, counted on both sides."""
import os
import re
import time

FULL = True
TIME_LIMIT = 1500
COUNT = 16
SECONDS = 10  # a measurement, not a wait for something
DOMAIN = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>96</memory><os><type>hvm</type>
<kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<features><acpi/></features><devices><serial type='pty'/></devices></domain>'''


def exits(m, names, kind):
    """HLT: how often the guests went idle, each wake-up ends in one. INTERRUPT: what the host took while a guest was running."""
    total = 0
    for name in names:
        found = re.search(rf'^ {kind} +(\d+)', m.command(f'exits {name}'), re.M)
        total += int(found.group(1)) if found else 0
    return total


def run(boot):
    names = [f'm{i:02}' for i in range(COUNT)]
    paths = []
    for name in names:
        paths.append(os.path.join(boot.directory, name + '.xml'))
        with open(paths[-1], 'w') as file:
            file.write(DOMAIN.format(name=name))
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'demo-vmlinuz', 'build/demo/demo-initrd': 'demo-initrd'},
                              domains=paths), memory='3G', args=['-accel', 'tcg'] if os.environ.get('ACCEL') == 'tcg' else [])
    m.wait_prompt(120)
    if 'enabled' in m.monitor('info kvm').split('\n')[0]:
        raise boot.Skipped('under KVM the emulator does not see each interrupt')
    for name in names:
        m.command(f'start {name}', 60)
    for name in names:
        m.send_line(f'console {name}')
        m.wait(r'demo:/root# ', 900)
        m.send(b'\x1d')
        m.wait_prompt(60)
    # Until init's last work is done: two looks in a row that agree.
    for _ in range(30):
        before = exits(m, names, 'HLT')
        time.sleep(2)
        if exits(m, names, 'HLT') - before < 100 * COUNT:
            break
    trace = os.path.join(boot.directory, 'idle.int')
    before, busy_before = exits(m, names, 'HLT'), exits(m, names, 'INTERRUPT')
    m.monitor(f'logfile {trace}')
    m.monitor('log int')
    start = time.monotonic()
    time.sleep(SECONDS)
    m.monitor('log none')
    seconds = time.monotonic() - start
    guests, busy = exits(m, names, 'HLT') - before, exits(m, names, 'INTERRUPT') - busy_before
    with open(trace, encoding='utf-8', errors='replace') as file:
        # What the host itself takes; what goes into a guest is an event of VMRUN, another line.
        host = sum('Servicing hardware INT' in line for line in file)
    os.unlink(trace)
    # One that comes while a guest runs wakes nobody: a guest that the emulator slows down meets its next tick before it is idle again.
    wakes = host - busy
    print(f'      {COUNT} idle guests: {host / seconds:.1f} interrupts a second, {wakes / seconds:.1f} of them wake the host, '
          f'{guests / seconds:.1f} wake-ups of guests')
    # Each of the guests' timers is one of the host's; the host's own are those of an idle host (scenario idle), and the typing.
    assert 0 < guests and wakes <= 1.2 * guests + 5 * seconds, (host, busy, guests)
    m.send_line('poweroff --force')
    m.wait_exit(90)
