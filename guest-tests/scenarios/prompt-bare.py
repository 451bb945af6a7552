# SPDX-License-Identifier: MIT
"""The prompt on machines that lack something: an old PC without screen and keyboard, 256 MiB, eight CPUs; no framebuffer."""


def run(boot):
    m = boot(machine='pc', memory='256M', smp=8, screen=False, keyboard=False)
    m.wait_prompt(120)
    log = m.command('dmesg')
    assert 'no screen: the firmware gives no framebuffer' in log, log
    assert "error: unknown command: 'x'" in m.command('x')
    m.send_line('host-reboot')
    m.wait_exit()  # -no-reboot: a reset ends QEMU
    m.stop()

    m = boot(keyboard=False)
    m.wait('no keyboard found: use serial', 120)
    m.wait_screen('no keyboard found: use serial', 30)
    m.send('\r')
    m.wait_prompt()
    assert 'no keyboard found' in m.command('dmesg -l notice')
