# SPDX-License-Identifier: MIT
"""The prompt in Bochs (Intel): by GRUB on its BIOS with one CPU and two, and by OVMF, which gives no ACPI tables there."""
import re

FULL = True
TIME_LIMIT = 400


def run(boot):
    for uefi, smp in ((False, 1), (False, 2), (True, 1)):
        m = boot.bochs(uefi=uefi, smp=smp)
        m.wait_prompt(180)
        assert re.search(rf'CPU\(s\): +{smp}\n', m.command('nodeinfo', 60))
        assert "error: unknown command: 'x'" in m.command('x', 60)
        m.send('echo ' + 'y' * 3000 + '\r')
        m.wait('^y{3000}\n', 60)
        m.wait_prompt()
        m.stop()
