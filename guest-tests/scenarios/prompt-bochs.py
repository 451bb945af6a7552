# SPDX-License-Identifier: MIT
"""The prompt in Bochs (Intel): by GRUB on its BIOS, and by OVMF, which gives no ACPI tables there."""

FULL = True
TIME_LIMIT = 400


def run(boot):
    for uefi in (False, True):
        m = boot.bochs(uefi=uefi)
        m.wait_prompt(180)
        assert 'CPU(s): ' in m.command('nodeinfo', 60)
        assert "error: unknown command: 'x'" in m.command('x', 60)
        m.send('echo ' + 'y' * 3000 + '\r')
        m.wait('^y{3000}\n', 60)
        m.wait_prompt()
        m.stop()
