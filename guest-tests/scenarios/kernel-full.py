# SPDX-License-Identifier: MIT
"""The distribution's full kernel (linux-image-amd64), unmodified, to a shell that counts its CPU and memory."""
import os

FULL = True
TIME_LIMIT = 600
KERNEL = 'build/deps/kernel-full/vmlinuz'
DOMAIN = '''<domain type='kvm'><name>full</name><memory unit='MiB'>512</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd><cmdline>console=ttyS0</cmdline></os>
<features><acpi/><apic/></features><devices><serial type='pty'/></devices></domain>'''


def run(boot):
    if not os.path.exists(KERNEL):
        raise boot.Skipped(f'{KERNEL} is not there: tools/setup kernel-full')
    xml = os.path.join(boot.directory, 'full.xml')
    with open(xml, 'w') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(files={KERNEL: 'vmlinuz', 'build/demo/demo-initrd': 'initrd'}, domains=[xml]), memory='1G')
    m.wait_prompt(120)
    m.send_line('start full --console')
    # Without `quiet` each line of the kernel's log crosses the serial port.
    m.wait(r'Linux version \d+\.\d+\.\d+-\d+-amd64 ', 120)
    start = m.console.place
    m.wait(r'Solera demo: Linux \d+\.\d+\.\d+-\d+-amd64 runs', 400)
    boot_log = m.console.text[start:m.console.place]
    m.wait(r'demo:/root# ', 60)
    for complaint in ('BUG:', 'Oops', 'WARNING: CPU', 'Call Trace', 'unchecked MSR access', 'firmware bug'):
        assert complaint.lower() not in boot_log.lower(), complaint
    assert 'Hypervisor detected: KVM' in boot_log
    m.send('grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/clocksource/clocksource0/current_clocksource\r')
    m.wait(r'^1\n(kvm-clock|tsc)', 30)
    m.send('poweroff -f\r')
    m.wait("Domain 'full' has stopped", 60)
    m.wait_prompt()
    assert m.command('domstate full --reason').strip() == 'shut off (shutdown)'
    m.send_line('poweroff')
    m.wait_exit(60)
