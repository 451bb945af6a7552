# SPDX-License-Identifier: MIT
"""poweroff with running machines: their power buttons first, Ctrl-C calls it off, one that does not react goes down in the end."""
import os
import time

IDLE = 'build/guests/bench/idle.gtest'
DOMAIN = '''<domain type='kvm'><name>deaf</name><memory unit='MiB'>16</memory>
<os><type>hvm</type><kernel>/solera/idle.gtest</kernel></os><features><acpi/></features></domain>'''


def run(boot):
    xml = os.path.join(boot.directory, 'deaf.xml')
    with open(xml, 'w', encoding='utf-8') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(files={IDLE: 'idle.gtest'}, domains=[xml]), memory='1G')
    m.wait_prompt(90)
    assert 'started' in m.command('start deaf')
    m.send_line('poweroff')
    m.wait("Domain 'deaf' is being shutdown", 10)
    m.wait('They have 15 seconds', 10)
    m.send(b'\x03')
    m.wait('interrupted: the host stays on', 10)
    m.wait_prompt()
    assert 'running' in m.command('list')
    begin = time.monotonic()
    m.send_line('poweroff')
    m.wait('They have 15 seconds', 10)
    m.wait('^Powering off', 60)
    assert time.monotonic() - begin > 10, 'it had no time'
    m.wait_exit(30)

    # At once, where a person says so.
    m = boot(image=boot.images[0], memory='1G')
    m.wait_prompt(90)
    assert 'started' in m.command('start deaf')
    m.send_line('poweroff --force')
    m.wait_exit(30)
