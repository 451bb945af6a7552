# SPDX-License-Identifier: MIT
"""Linux with many CPUs: topology, parallel checksums, CPUs off line and on again, per-vCPU views; two sockets of cores with threads."""
import os
import re

TIME_LIMIT = 900
KERNEL, INITRD = 'build/deps/kernel/vmlinuz', 'build/demo/demo-initrd'
DOMAIN = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>{memory}</memory><vcpu>{vcpus}</vcpu>
<os><type>hvm</type><kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd>
<cmdline>console=ttyS0</cmdline></os><features><acpi/><apic/></features>
<cpu mode='host-model'><topology sockets='{sockets}' cores='{cores}' threads='{threads}'/></cpu>
<devices><serial type='pty'/><console type='pty'/></devices></domain>'''
# A checksum that every CPU computes at once must come out the same everywhere.
WORK = ('for i in 1 2 3 4 5 6 7 8; do (head -c 2000000 /dev/zero | md5sum >/tmp/s$i) & done; wait; '
        'cat /tmp/s? | sort -u | wc -l; cut -c1-32 /tmp/s1')
SUM = '6bde2aa6394fde37e21748bc0578113b'


def domain(directory, name, sockets, cores, threads, memory=192):
    path = os.path.join(directory, name + '.xml')
    with open(path, 'w') as file:
        file.write(DOMAIN.format(name=name, memory=memory, vcpus=sockets * cores * threads, sockets=sockets, cores=cores,
                                 threads=threads))
    return path


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def guest(m, command, expected, seconds=60):
    m.send(command + '\r')
    m.wait(expected, seconds)


def run(boot):
    image = boot.image(files={KERNEL: 'demo-vmlinuz', INITRD: 'demo-initrd'},
                       domains=[domain(boot.directory, 'four', 2, 1, 2)])
    m = boot(image=image, memory='2G')
    m.wait_prompt(120)
    m.send_line('start four --console')
    m.wait('smp: Brought up 1 node, 4 CPUs', 240)
    m.wait(r'# $', 240)

    # What Linux made of CPUID and MADT.
    guest(m, 'grep -c ^processor /proc/cpuinfo', '^4$')
    guest(m, "grep 'physical id' /proc/cpuinfo | sort | uniq -c | tr -s ' ' | tr '\\n' ';'", 'physical id\\s*: 0;.*physical id\\s*: 1;')
    guest(m, 'cat /sys/devices/system/cpu/cpu3/topology/thread_siblings_list', '^2-3$')
    guest(m, 'cat /sys/devices/system/cpu/cpu0/topology/physical_package_id /sys/devices/system/cpu/cpu3/topology/physical_package_id | tr "\\n" " "',
          '^0 1 ')
    # (That TSCs are "unsynchronized" Linux says of every AMD CPU without an invariant TSC, as the emulator's is.)
    guest(m, 'dmesg | grep -ci "firmware bug\\|lockup\\|stall\\|skew\\|mismatch"', '^0$')

    # Work on all CPUs at once, on three, and on four again.
    guest(m, WORK, f'^1\n{SUM}', 120)
    guest(m, 'echo 0 >/sys/devices/system/cpu/cpu2/online; cat /sys/devices/system/cpu/online', '^0-1,3$')
    guest(m, WORK, f'^1\n{SUM}', 120)
    guest(m, 'echo 1 >/sys/devices/system/cpu/cpu2/online; cat /sys/devices/system/cpu/online', '^0-3$')
    guest(m, WORK, f'^1\n{SUM}', 120)
    leave(m)

    # Each vCPU for itself.
    assert m.command('vcpuinfo four').count('VCPU:') == 4
    registers = m.command('vcpu-regs four --vcpu 2')
    assert 'vCPU 2' in registers and 'vCPU 1' not in registers
    assert m.command('vcpu-regs four').count('RIP=') == 4
    assert 'vCPU 4: domain \'four\' has 4' in m.command('vcpu-regs four --vcpu 4')
    total = int(re.search(r'^ all +(\d+)', m.command('exits four'), re.M).group(1))
    one = int(re.search(r'^ all +(\d+)', m.command('exits four --vcpu 3'), re.M).group(1))
    assert 0 < one < total

    # Pause and resume; reset and destroy with all CPUs up.
    assert m.command('suspend four') == "Domain 'four' suspended\n\n"
    assert m.command('resume four') == "Domain 'four' resumed\n\n"
    m.send_line('console four')
    guest(m, '', r'# $')
    guest(m, WORK, f'^1\n{SUM}', 120)
    leave(m)
    assert m.command('reset four') == "Domain 'four' was reset\n\n"
    m.send_line('console four')
    m.wait('smp: Brought up 1 node, 4 CPUs', 240)
    leave(m)
    assert m.command('destroy four') == "Domain 'four' destroyed\n\n"
