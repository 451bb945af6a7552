# SPDX-License-Identifier: MIT
"""Twenty demo machines of 96 MiB at once on one CPU, more than QEMU has address-space identifiers: each works and answers."""
import re
import time

FULL = True
TIME_LIMIT = 1500
COUNT = 20
LEAST = 72  # MiB: with 64 the same kernel and initrd do not come up in QEMU without a hypervisor either
BUSY_SECONDS = 20  # of work in all of them, not a wait for something

DOMAIN = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>{mib}</memory><os><type>hvm</type>
<kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<features><acpi/></features><devices><serial type='pty'/></devices></domain>'''


def run(boot):
    names = [f'm{i:02}' for i in range(1, COUNT + 1)]
    paths = []
    for name, mib in [(name, 96) for name in names] + [('least', LEAST)]:
        paths.append(f'{boot.directory}/{name}.xml')
        with open(paths[-1], 'w') as file:
            file.write(DOMAIN.format(name=name, mib=mib))
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'demo-vmlinuz', 'build/demo/demo-initrd': 'demo-initrd'},
                              domains=paths), memory='3G')
    m.wait_prompt(120)
    asids = int(re.search(r'AMD-V: (\d+) address-space identifiers', m.command('dmesg')).group(1))
    assert asids < COUNT, f'{asids} identifiers are no few'

    m.send_line('start least --console')
    m.wait(r'demo:/root# ', 180)
    m.send(b'\x1d')
    m.wait_prompt()
    m.command('destroy least')

    def on_console(name, typed, wanted, timeout=120):
        m.send_line(f'console {name}')
        m.wait('Escape character')
        m.send(typed + '\r')
        found = m.wait(wanted, timeout)
        m.send(b'\x1d')
        m.wait_prompt(60)
        return found

    for name in names:
        assert m.command(f'start {name}', 120) == f"Domain '{name}' started\n\n"
    for name in names:
        m.send_line(f'console {name}')
        m.wait(r'demo:/root# ', 900)
        m.send(f'hostname {name}; while :; do md5sum /bin/busybox; done >/tmp/sums & echo "begun by" $(hostname)\r')
        m.wait(rf'^begun by {name}$', 120)
        m.send(b'\x1d')
        m.wait_prompt(60)
    time.sleep(BUSY_SECONDS)
    assert m.command('list').count('running') == COUNT

    # Each one answers, and all that it computed meanwhile is the same.
    sums = set()
    for name in names:
        found = on_console(name, r'echo $(hostname) says $(sort -u /tmp/sums | wc -l) $(wc -l </tmp/sums) $(head -n 1 /tmp/sums)',
                           rf'^{name} says (\d+) (\d+) ([0-9a-f]{{32}}) ')
        assert found.group(1) == '1' and int(found.group(2)) > 1, found.group(0)
        sums.add(found.group(3))
    assert len(sums) == 1, sums
    times = [int(re.search(r'cpu.time=(\d+)', m.command(f'domstats {name} --cpu-total')).group(1)) for name in names]
    print(f'      CPU times from {min(times) / 1e9:.1f} to {max(times) / 1e9:.1f} s')
    assert min(times) * 2 > max(times), 'their shares of the CPU differ'
    for name in names:
        assert m.command(f'destroy {name}', 60) == f"Domain '{name}' destroyed\n\n"
    m.send_line('poweroff')
    m.wait_exit(60)
