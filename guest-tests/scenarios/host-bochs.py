# SPDX-License-Identifier: MIT
"""An old PC with VT-x (Bochs: i440FX, no ECAM, BIOS, GRUB): its PCI devices, its verdicts, and ACPI power-off."""
import re


def run(boot):
    m = boot.bochs(iso='build/solera.iso')
    m.wait(r'ACPI revision 0 of BOCHS', 60)
    m.wait_prompt(60)
    names = m.command('nodedev-list').split()
    assert {'computer', 'pci_0000_00_00_0', 'pci_0000_00_01_0', 'pci_0000_00_01_3'} <= set(names), names
    verdicts = m.command('virt-host-validate')
    for line in ('hardware virtualization', 'extended page tables', 'unrestricted guests', 'if the firmware leaves VT-x enabled'):
        assert re.search(rf'{line}.*: PASS$', verdicts, re.M), verdicts
    assert 'FAIL' not in verdicts, verdicts
    assert re.search(r'posted interrupts +: WARN', verdicts), verdicts
    m.send_line('poweroff')
    m.wait_exit(30)
