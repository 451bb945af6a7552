# SPDX-License-Identifier: MIT
"""A machine with four serial ports: each console by its name, none hears another, and what was said to nobody is kept."""

TIME_LIMIT = 300
PORTS = ''.join(f"<serial type='pty'><target type='isa-serial' port='{port}'/></serial>" for port in range(4))
DOMAIN = f'''<domain type='kvm'><name>ports</name><memory unit='MiB'>128</memory>
<os><type>hvm</type><kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os><features><acpi/></features><devices>{PORTS}</devices></domain>'''


def enter(m, options=''):
    m.send_line(f'console ports{options}')
    m.wait(r'Escape character is \^\] \(Ctrl \+ \]\)\n')


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def run(boot):
    xml = boot.directory + '/ports.xml'
    with open(xml, 'w') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'demo-vmlinuz', 'build/demo/demo-initrd': 'demo-initrd'},
                              domains=[xml]), memory='1G')
    m.wait_prompt(120)
    m.command('start ports')
    enter(m)
    m.wait(r'demo:/root# ', 180)
    # Linux finds each one by its ACPI name, with the interrupt that a PC gives it.
    m.send('for i in 0 1 2 3; do echo port $i: $(cat /sys/class/tty/ttyS$i/port) $(cat /sys/class/tty/ttyS$i/irq); done\r')
    for port, place, irq in ((0, '3F8', 4), (1, '2F8', 3), (2, '3E8', 4), (3, '2E8', 3)):
        m.wait(rf'^port {port}: 0x{place} {irq}$', 30)
    # On each further port somebody repeats what it hears; all say something while nobody looks. A port that is being
    # opened forgets what came before, so each one says that it listens once it is open.
    m.send('for i in 1 2 3; do (echo "kept on $i"; while read l; do echo "$i heard $l"; done) </dev/ttyS$i >/dev/ttyS$i & '
           'done; echo all are "ready"\r')
    m.wait('^all are ready', 30)
    leave(m)
    for port in (3, 1, 2):
        enter(m, f' --devname serial{port}')
        m.wait(f'^kept on {port}', 30)
        start = m.console.place
        m.send(f'words for {port}\r')
        m.wait(f'{port} heard words for {port}', 30)
        leave(m)
        said = m.console.text[start:m.console.place]
        for other in {0, 1, 2, 3} - {port}:
            assert f'{other} heard' not in said and f'for {other}' not in said, said
    enter(m, ' serial0')
    m.send('echo the first port is "still" here\r')
    m.wait('^the first port is still here', 30)
    leave(m)
    for name in ('serial4', 'serial', 'parallel0', 'serial00'):
        assert f"cannot find console device '{name}'" in m.command(f'console ports --devname {name}'), name
    import subprocess
    dump = boot.directory + '/dump.xml'
    text = m.command('dumpxml ports')
    assert text.count('<serial ') == 4, text
    with open(dump, 'w') as file:
        file.write(text)
    subprocess.run(['virt-xml-validate', dump, 'domain'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    m.command('destroy ports')
    m.send_line('poweroff')
    m.wait_exit(60)
