# SPDX-License-Identifier: MIT
"""Two CPUs with VT-x (Bochs, x2APIC): through a BIOS with ACPI, and under OVMF, which has no ACPI there but lists the CPUs."""
import os
import subprocess

FULL = True
TIME_LIMIT = 600


def run(boot):
    image = os.path.join(boot.directory, 'selftest.iso')
    subprocess.run(['tools/solera-image', '--cmdline', 'selftest', '-o', image], check=True, stdout=subprocess.DEVNULL)
    m = boot.bochs(image=image, smp=2)
    m.wait('; x2APIC, timer', 90)
    m.wait('2 of 2 CPUs run', 90)
    assert int(m.wait(r'selftest: done, (\d+) failed', 240).group(1)) == 0
    m.wait_prompt(60)
    m.stop()

    # A counter that goes ahead while Solera runs is found and set right, once.
    subprocess.run(['tools/solera-image', '--cmdline', 'selftest=drift tscwatch=1', '-o', image], check=True, stdout=subprocess.DEVNULL)
    m = boot.bochs(image=image, smp=2)
    m.wait("the last CPU's time-stamp counter went ahead", 90)
    off = int(m.wait(r"CPU 1: its time-stamp counter had drifted by (-?\d+) ticks from the boot CPU's and was corrected", 90).group(1))
    assert 900000 < off < 1100000, off
    m.wait_prompt(60)
    m.stop()

    m = boot.bochs(uefi=True, smp=2)
    m.wait('2 of 2 CPUs run', 200)  # where FEATURE_CONTROL is not locked on either CPU: both write it
    m.wait_prompt(60)
    assert 'CPU(s):              2' in m.command('nodeinfo', 60)
    m.stop()
