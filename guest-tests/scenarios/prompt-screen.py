# SPDX-License-Identifier: MIT
"""The prompt on the screen with a PS/2 keyboard and without a serial line: what is typed and what stands there."""


def run(boot):
    m = boot(serial=False)
    m.wait_screen(r'^solera #$', 90)
    m.type_text('echo dangling\\\n')
    m.wait_screen(r'^error: dangling \\$', 30)
    m.type_text('echo "Hello, World" ~{}!\n')
    m.wait_screen(r'^Hello, World ~\{\}!$', 30)
    m.type_text('vers')
    m.keys('tab', 'ret')
    m.wait_screen(r'^Running hypervisor: Solera ', 30)
    m.keys('up', 'up')
    m.wait_screen(r'^solera # echo "Hello, World" ~\{\}!$', 30)
    m.keys('ctrl-c')
    m.type_text('help\n')
    m.wait_screen(r"help keyword 'shell'", 30)
    m.type_text('dmesg\n')
    for _ in range(8):
        m.keys('shift-pgup')
    m.wait_screen(r'\] Solera \S+ \(\w+\)', 30)  # the log's first line, by looking back
    m.type_text('x')
    m.wait_screen(r'^solera # x$', 30)           # typing comes back to the end
    m.keys('ctrl-u')
    m.type_text('poweroff\n')
    m.wait_exit(30)
