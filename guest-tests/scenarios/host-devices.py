# SPDX-License-Identifier: MIT
"""What the host is, at the prompt: nodedev-list, nodedev-dumpxml (by libvirt's schema), sysinfo, virt-host-validate, poweroff."""
import os
import re
import subprocess


def xml_is_valid(boot, text):
    path = os.path.join(boot.directory, 'node.xml')
    with open(path, 'w', encoding='utf-8') as out:
        out.write(text)
    subprocess.run(['virt-xml-validate', path, 'nodedev'], check=True, stdout=subprocess.DEVNULL)


def devices(boot, machine, args, wanted, tree_line):
    m = boot(machine=machine, args=args, smp=2)
    m.wait_prompt(90)
    names = m.command('nodedev-list').split()
    assert names[0] == 'computer' and set(wanted) <= set(names), names
    assert tree_line in m.command('nodedev-list --tree')
    assert m.command('nodedev-list --cap system').split() == ['computer']
    assert m.command('nodedev-list --cap net,storage').split() == []
    assert 'error: Invalid capability type' in m.command('nodedev-list --cap nonsense')
    assert 'incompatible' in m.command('nodedev-list --tree --cap pci')
    for name in names:
        xml = m.command('nodedev-dumpxml ' + name)
        assert f'<name>{name}</name>' in xml, xml
        xml_is_valid(boot, xml)
    assert "error: Could not find matching device 'pci_9'" in m.command('nodedev-dumpxml pci_9')
    return m


def run(boot):
    ports = ['-device', 'pcie-root-port,id=rp,addr=4', '-device', 'virtio-rng-pci,bus=rp']
    m = devices(boot, 'q35', ports, ['pci_0000_00_1f_0', 'pci_0000_00_04_0', 'pci_0000_01_00_0'],
                '  +- pci_0000_00_04_0\n  |   |\n  |   +- pci_0000_01_00_0\n')
    xml = m.command('nodedev-dumpxml pci_0000_01_00_0')
    assert '<parent>pci_0000_00_04_0</parent>' in xml and "<vendor id='0x1af4'/>" in xml, xml
    assert "<capability type='pci-bridge'/>" in m.command('nodedev-dumpxml pci_0000_00_04_0')
    sysinfo = m.command('sysinfo')
    assert "<entry name='manufacturer'>QEMU</entry>" in sysinfo and sysinfo.startswith("<sysinfo type='smbios'>"), sysinfo
    verdicts = m.command('virt-host-validate')
    assert re.search(r'^SOLERA: Checking for hardware virtualization +: PASS$', verdicts, re.M), verdicts
    assert 'FAIL' not in verdicts and 'for nested paging (NPT)' in verdicts, verdicts
    assert m.command('kvm-ok') == verdicts
    m.send_line('poweroff')
    m.wait_exit(30)

    m = devices(boot, 'pc', ['-action', 'reboot=reset'], ['pci_0000_00_01_3'], '  +- pci_0000_00_01_0\n')
    m.send_line('host-reboot')
    m.wait_prompt(90)
    m.send_line('poweroff')
    m.wait_exit(30)

    m = boot(cpu='qemu64,-svm')
    m.wait('domains cannot run here: this machine is itself a guest without nested virtualization', 90)
    m.wait_prompt()
    assert re.search(r'hardware virtualization +: FAIL', m.command('virt-host-validate'))
    m.send_line('poweroff')
    m.wait_exit(30)
