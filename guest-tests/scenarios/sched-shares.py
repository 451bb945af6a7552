# SPDX-License-Identifier: MIT
"""Machines that only spin share one CPU as schedinfo says: 25 : 75, equal whatever they hold, capped; storms take nothing."""

import os
import re
import struct

TIME_LIMIT = 600

SPIN = b'\xeb\xfe'                                             # jmp $
CPUID = b'\x31\xc0\x0f\xa2\xeb\xfa'                            # xor eax,eax; cpuid; jmp: an exit each time
SELF_IPI = b'\xc7\x05\x00\x03\xe0\xfe\x30\x00\x04\x00\xeb\xf4'  # the ICR of the xAPIC: interrupts to itself, without end

DOMAIN = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>16</memory>{tune}
<os><type>hvm</type><kernel>/solera/{kernel}</kernel></os><features><acpi/><apic/></features></domain>'''

FOUR = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>4</vcpu><os><type>hvm</type>
<kernel>/solera/{kernel}</kernel><cmdline>{line}</cmdline></os><features><acpi/><apic/></features>
<devices><serial type='pty'/></devices></domain>'''


def kernel(code):
    """A Multiboot kernel as a 32-bit ELF: header, then code, at 1 MiB."""
    base, header = 0x100000, struct.pack('<III', 0x1badb002, 0, (1 << 32) - 0x1badb002)
    body = header + code
    elf = struct.pack('<16sHHIIIIIHHHHHH', b'\x7fELF\x01\x01\x01', 2, 3, 1, base + len(header), 52, 0, 0, 52, 32, 1, 0, 0, 0)
    return elf + struct.pack('<IIIIIIII', 1, 84, base, base, len(body), len(body), 5, 4) + body


def cpu_ns(m, name):
    seconds, rest = re.search(r'cpu_time +(\d+)\.(\d+) seconds', m.command(f'cpu-stats {name}')).groups()
    return int(seconds) * 10**9 + int(rest)


def host_seconds(m):
    """Since Solera's entry: user, system and idle time of the one CPU together."""
    return sum(int(value) for value in re.findall(r': +(\d+)', m.command('nodecpustats --cpu 0'))) / 1e9


def shares(m, names, seconds=4):
    """Over some seconds of the host's own clock: per cent of what they used together, and of the CPU."""
    start, before = host_seconds(m), [cpu_ns(m, name) for name in names]
    while host_seconds(m) < start + seconds:
        pass
    used, elapsed = [cpu_ns(m, name) - then for name, then in zip(names, before)], host_seconds(m) - start
    return [100 * part / sum(used) for part in used], [part / elapsed / 1e7 for part in used]


def about(values, wanted, within):
    assert all(abs(value - ideal) <= within for value, ideal in zip(values, wanted)), (values, wanted)


def run(boot):
    files, domains = {}, []
    for name, code in (('spin', SPIN), ('cpuid', CPUID), ('ipi', SELF_IPI)):
        path = os.path.join(boot.directory, name + '.elf')
        with open(path, 'wb') as file:
            file.write(kernel(code))
        files[path] = name + '.elf'
    for name, image, tune in (('one', 'spin', '<cputune><shares>1024</shares></cputune>'),
                              ('three', 'spin', '<cputune><shares>3072</shares></cputune>'),
                              ('storm', 'cpuid', ''), ('ipis', 'ipi', '')):
        path = os.path.join(boot.directory, name + '.xml')
        with open(path, 'w') as file:
            file.write(DOMAIN.format(name=name, kernel=image + '.elf', tune=tune))
        domains.append(path)
    # Machines of four vCPUs: that spin, that interrupt each other without end, that storm in every way there is.
    for name, image, line in (('four', 'work', 'how=spin'), ('flood', 'work', 'how=flood'), ('storm4', 'storm', 'forever')):
        path = os.path.join(boot.directory, name + '.xml')
        with open(path, 'w') as file:
            file.write(FOUR.format(name=name, kernel=image, line=line))
        domains.append(path)
    files['build/guests/smp_work.kernel'] = 'work'
    files['build/guests/smp_storm.gtest'] = 'storm'
    m = boot(image=boot.image(files=files, domains=domains), memory='1G')
    m.wait_prompt(120)

    # 1 : 3.
    for name in ('one', 'three'):
        assert f"Domain '{name}' started" in m.command(f'start {name}')
    percent, _ = shares(m, ['one', 'three'])
    print(f'      shares 1024 : 3072: {percent[0]:.1f} : {percent[1]:.1f} %')
    about(percent, [25, 75], 1)

    # Changed while they run; what is refused changes nothing.
    assert "out of range [2, 262144]" in m.command('schedinfo three --set cpu_shares=0')
    assert "out of range [1000, 17592186044415]" in m.command('schedinfo three --set vcpu_quota=999')
    assert 'cpu_shares     : 3072' in m.command('schedinfo three')
    assert 'cpu_shares     : 1024' in m.command('schedinfo three --set cpu_shares=1024 --live')
    percent, _ = shares(m, ['one', 'three'])
    about(percent, [50, 50], 1)

    # A cap: 20 % of a CPU for one, the rest for the other.
    assert 'vcpu_quota     : 20000' in m.command('schedinfo one vcpu_quota=20000 --live')
    _, percent = shares(m, ['one', 'three'])
    print(f'      a cap of 20 %: {percent[0]:.1f} % of the CPU; the other one {percent[1]:.1f} %, beside the busy shell')
    # Never more. Less where the emulator itself stood still for whole periods (docs/limits.md); exactness is the simulator's to show.
    assert 10 <= percent[0] <= 20.5, percent
    m.command('schedinfo one vcpu_quota=-1 --live')

    # Storms of exits and of interrupts to itself take nothing from a spinner of equal shares, nor from the shell.
    m.command('destroy three')
    for name in ('storm', 'ipis'):
        assert f"Domain '{name}' started" in m.command(f'start {name}')
        percent, _ = shares(m, ['one', name])
        print(f'      a spinner beside {name}: {percent[0]:.1f} : {percent[1]:.1f} %')
        assert percent[0] >= 49, percent
        m.command(f'destroy {name}')

    # A machine counts, not its vCPUs: four that spin against one; four that flood each other, four that storm.
    for name, exactly in (('four', True), ('flood', False), ('storm4', False)):
        assert f"Domain '{name}' started" in m.command(f'start {name}')
        if name != 'storm4':
            m.send_line(f'console {name}')
            m.wait('smp_work: .* on 4 CPUs', 120)
            m.send(b'\x1d')
            m.wait_prompt()
        percent, _ = shares(m, ['one', name], 6)
        print(f'      a spinner beside {name}, of four vCPUs: {percent[0]:.1f} : {percent[1]:.1f} %')
        if exactly:
            about(percent, [50, 50], 1)
        assert percent[0] >= 49, percent
        m.command(f'destroy {name}')

    # Affinity: what is not there is refused with the limit named.
    assert "exceeds this host's CPUs, 0-0" in m.command('vcpupin one 0 1')
    assert "requested vcpu '9' is not present in the domain" in m.command('vcpupin one 9 0')
    assert re.search(r'0 +0\n', m.command('vcpupin one'))
