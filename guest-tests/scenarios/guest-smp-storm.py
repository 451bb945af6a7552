# SPDX-License-Identifier: MIT
"""A machine that storms its four CPUs with IPIs, NMIs, INITs and timers and spins deaf: its neighbour works, the shell answers."""
import os
import time

TIME_LIMIT = 600
STORM = 'build/guests/smp_storm.gtest'
KERNEL, INITRD = 'build/deps/kernel/vmlinuz', 'build/demo/demo-initrd'
DOMAIN = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>{memory}</memory><vcpu>{vcpus}</vcpu>
<os><type>hvm</type><kernel>/solera/{kernel}</kernel>{more}</os><features><acpi/></features>
<devices><serial type='pty'/></devices></domain>'''


def domain(directory, **fields):
    path = os.path.join(directory, fields['name'] + '.xml')
    with open(path, 'w') as file:
        file.write(DOMAIN.format(**fields))
    return path


def run(boot):
    if not os.path.exists(STORM):
        raise boot.Skipped(f'{STORM} is not there: make guest-kernels')
    linux = '<initrd>/solera/demo-initrd</initrd><cmdline>console=ttyS0 quiet</cmdline>'
    m = boot(image=boot.image(files={STORM: 'storm', KERNEL: 'demo-vmlinuz', INITRD: 'demo-initrd'}, domains=[
        domain(boot.directory, name='storm', memory=16, vcpus=4, kernel='storm', more='<cmdline>forever</cmdline>'),
        domain(boot.directory, name='good', memory=160, vcpus=1, kernel='demo-vmlinuz', more=linux)]), memory='1G')
    m.wait_prompt(120)
    m.send_line('start good --console')
    m.wait(r'# $', 240)
    m.send(b'\x1d')
    m.wait_prompt()
    assert "Domain 'storm' started" in m.command('start storm')
    slowest = 0
    for _ in range(20):
        start = time.monotonic()
        assert 'storm' in m.command('list')
        slowest = max(slowest, time.monotonic() - start)
    print(f'      the slowest of 20 commands took {slowest:.2f} s of wall time')
    assert slowest < 5
    m.send_line('console good')
    m.wait('Escape character')
    m.send('head -c 3000000 /dev/zero | md5sum\r')
    m.wait('^[0-9a-f]{32}', 120)
    m.send(b'\x1d')
    m.wait_prompt()
    assert m.command('domstate storm --reason').strip() == 'running (booted)'
    assert m.command('suspend storm') == "Domain 'storm' suspended\n\n"
    assert m.command('resume storm') == "Domain 'storm' resumed\n\n"
    assert m.command('destroy storm') == "Domain 'storm' destroyed\n\n"
    assert m.command('destroy good') == "Domain 'good' destroyed\n\n"
