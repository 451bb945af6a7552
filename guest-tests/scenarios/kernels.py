# SPDX-License-Identifier: MIT
"""Kernels besides the demo's: memtest86+ (a Linux image that cannot be relocated) tests memory, on its serial screen."""

import os

TIME_LIMIT = 300
MEMTEST = 'build/deps/memtest/memtest.bin'
DOMAIN = '''<domain type='kvm'><name>memtest</name><memory unit='MiB'>64</memory>
<os><type>hvm</type><kernel>/solera/memtest.bin</kernel><cmdline>console=ttyS0,115200</cmdline></os>
<features><acpi/></features><devices><serial type='pty'/><console type='pty'/></devices></domain>'''


def run(boot):
    if not os.path.exists(MEMTEST):
        raise boot.Skipped(f'{MEMTEST} is not there: tools/setup memtest')
    xml = os.path.join(boot.directory, 'memtest.xml')
    with open(xml, 'w') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(files={MEMTEST: 'memtest.bin'}, domains=[xml]), memory='1G')
    m.wait_prompt(120)
    m.send_line('start memtest')
    m.wait("Domain 'memtest' started", 60)
    m.wait_prompt()
    m.send_line('console memtest')
    m.wait(r'Memtest86\+ v', 60)
    m.wait('Testing', 60)
    m.wait(r'Errors: +0', 60)
    # A later test than the first one: it works, and found nothing so far.
    m.wait('Moving inversions', 180)
    m.wait(r'Errors: +0', 60)
    m.send(b'\x1d')
    m.wait_prompt()
    assert m.command('domstate memtest --reason').strip() == 'running (booted)'
    # A command line of more than its 255 bytes is refused in words.
    m.send_line('destroy memtest')
    m.wait("Domain 'memtest' destroyed", 30)
    m.wait_prompt()
    m.send_line('create')
    m.wait('Paste the domain')
    m.send(DOMAIN.replace('memtest<', 'long<', 1).replace('console=', 'x' * 256 + ' console=').replace('\n', '\r') + '\r')
    m.wait('the command line has 277 bytes, this kernel takes at most 255', 60)
    m.wait_prompt()
