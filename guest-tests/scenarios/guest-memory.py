# SPDX-License-Identifier: MIT
"""Guests of 3.5 and 6 GiB, with RAM on both sides of the PCI hole: every word of it is its own, and Linux counts all of it."""
import re

FULL = True
TIME_LIMIT = 1200
STEP = 8  # each word

KERNEL = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>{mib}</memory><os><type>hvm</type>
<kernel>/solera/memory.kernel</kernel><cmdline>step={step}</cmdline></os><devices><serial type='pty'/></devices></domain>'''
LINUX = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>{mib}</memory><os><type>hvm</type>
<kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd><cmdline>console=ttyS0 quiet</cmdline></os>
<features><acpi/></features><devices><serial type='pty'/></devices></domain>'''


def available_mib():
    with open('/proc/meminfo') as file:
        return int(re.search(r'MemAvailable: +(\d+)', file.read()).group(1)) // 1024



def free_kib(text):
    return int(re.search(r'free +: +(\d+) KiB', text).group(1))


def run(boot):
    if available_mib() < 10 * 1024:
        raise boot.Skipped('this machine has less than 10 GiB of free memory')
    domains = []
    for kind, text in (('words', KERNEL), ('linux', LINUX)):
        for mib in (3584, 6144):
            name = f'{kind}-{mib}'
            path = f'{boot.directory}/{name}.xml'
            with open(path, 'w') as file:
                file.write(text.format(name=name, mib=mib, step=STEP))
            domains.append(path)
    m = boot(image=boot.image(files={'build/guests/memory.kernel': 'memory.kernel', 'build/deps/kernel/vmlinuz': 'demo-vmlinuz',
                                     'build/demo/demo-initrd': 'demo-initrd'}, domains=domains), memory='8G')
    m.wait_prompt(120)
    before = m.command('nodememstats')
    for mib in (3584, 6144):
        m.send_line(f'start words-{mib} --console')
        found = m.wait(r'^(PASS|FAIL): memory test of (\d+) KiB, (\d+) KiB of it above 4 GiB: (\d+) words are wrong', 400)
        assert found.group(1) == 'PASS', found.group(0)
        # All but the kernel's own 2 MiB and the page of the ACPI tables; what does not fit below the hole is above 4 GiB.
        assert (mib - 2) * 1024 - 64 <= int(found.group(2)) <= (mib - 2) * 1024, found.group(0)
        assert int(found.group(3)) >= (mib - 3072) * 1024, found.group(0)
        m.wait('done: 1 passed, 0 failed', 10)
        m.send(b'\x1d')
        m.wait_prompt()
        assert f'{mib * 1024} KiB' in m.command(f'dominfo words-{mib}')
        m.command(f'destroy words-{mib}', 60)

        m.send_line(f'start linux-{mib} --console')
        m.wait('Solera demo: Linux', 180)
        m.wait(r'demo:/root# ', 60)
        m.send('grep MemTotal /proc/meminfo\r')
        total = int(m.wait(r'^MemTotal: +(\d+) kB', 30).group(1))
        # The kernel keeps 64 bytes for each page, its image, the initrd, and 64 MiB for devices that reach only 4 GiB.
        assert 0.98 * mib * 1024 - 128 * 1024 < total < mib * 1024, total
        m.send(b'\x1d')
        m.wait_prompt()
        m.command(f'destroy linux-{mib}', 60)
    lost = free_kib(before) - free_kib(m.command('nodememstats'))
    assert lost <= 4 * 72, f'{lost} KiB were lost'  # four consoles keep 64 KiB of what was said
    m.send_line('poweroff')
    m.wait_exit(60)
