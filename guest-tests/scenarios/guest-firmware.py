# SPDX-License-Identifier: MIT
"""Linux in a domain reads its ACPI and SMBIOS tables without a complaint, and its power button and poweroff work by them."""
import re
import time

FULL = True
TIME_LIMIT = 300


def guest(m, command):
    """What a command prints: between two words that the shell makes, since the echo of a long line is wrapped somewhere."""
    m.send_line(f'echo begin-$((40+1)); {command}; echo done-$((40+2))')
    return m.wait(r'(?s)^begin-41\n(.*?)^done-42', 60).group(1)


def run(boot):
    m = boot(image='build/demo.img')
    m.wait_prompt(90)
    m.send_line('console demo')
    m.wait('Linux .* runs', 120)
    m.send_line('')
    m.wait('# ', 30)
    complaints = guest(m, r"dmesg | grep -iE 'acpi.*(error|warning|bug|invalid|partially covers)|firmware bug|bios bug|DMI.*(bad|broken)' | grep -v 'report a bug'")
    assert not complaints.strip(), complaints
    found = guest(m, "dmesg | grep -E 'ACPI: |MMCONFIG|DMI:|_OSC|root bus resource'")
    for wanted in ('FACP', 'APIC', 'MCFG', r'\(supports S0 S5\)', r'OS now controls \[PCIeHotplug PME PCIeCapability\]',
                   r'MMCONFIG for domain 0000 \[bus 00-00\] at \[mem 0xb0000000-0xb00fffff\]', 'IO Port: 0x608',
                   r'root bus resource \[bus 00\]', 'DMI: Solera Solera Virtual Machine'):
        assert re.search(wanted, found), (wanted, found)
    assert 'demo' in guest(m, 'cat /sys/class/dmi/id/chassis_asset_tag')
    devices = guest(m, 'ls /sys/bus/acpi/devices')
    for wanted in ('PNP0A08:00', 'PNP0501:00', 'PNP0303:00', 'PNP0B00:00', 'QEMU0002:00', 'LNXPWRBN:00', 'ACPI0007:00'):
        assert wanted in devices, (wanted, devices)
    assert 'PNP0501:01' not in devices, devices  # the description has one serial port
    m.send('\x1d')
    m.wait_prompt()
    m.send_line('shutdown demo')   # the power button
    m.wait('being shutdown', 10)
    m.wait_prompt()
    deadline = time.monotonic() + 60
    while 'running' in m.command('domstate demo') or 'in shutdown' in m.command('domstate demo'):
        assert time.monotonic() < deadline, 'the guest does not react to its power button'
    assert re.search(r'demo +shut off', m.command('list --all'))
    m.send_line('poweroff')
    m.wait_exit(30)
