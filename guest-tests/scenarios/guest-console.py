# SPDX-License-Identifier: MIT
"""The virtio console in an unmodified Linux: hvc0 is a login console, a channel by its name, several ports, output kept while nobody looks."""

TIME_LIMIT = 300
DOMAIN = '''<domain type='kvm'><name>ports</name><memory unit='MiB'>128</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os><features><acpi/></features><devices>
<serial type='pty'/><console type='pty'><target type='virtio'/></console><console type='pty'><target type='virtio'/></console>
<channel type='pty'><target type='virtio' name='org.example.talk'/></channel></devices></domain>'''


def enter(m, options=''):
    m.send_line(f'console ports{options}')
    m.wait(r'Escape character is \^\] \(Ctrl \+ \]\)\n')


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def run(boot):
    import subprocess
    xml = boot.directory + '/ports.xml'
    with open(xml, 'w') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd'}, domains=[xml]),
             memory='1G')
    m.wait_prompt(120)
    m.command('start ports')
    enter(m, ' --devname serial0')
    m.wait(r'demo:/root# ', 180)
    # A login console on hvc0, an echo on hvc1 and on the channel; both say something while nobody looks.
    m.send('setsid getty -n -l /bin/sh 0 hvc0 vt100 & ls /dev/vport* | wc -l; cat /sys/class/virtio-ports/*/name\r')
    m.wait(r'^3\norg.example.talk', 30)
    m.send('port=/dev/$(basename $(dirname $(grep -l talk /sys/class/virtio-ports/*/name))); echo "kept in the channel" >$port; '
           '(while read l; do echo "talk heard $l"; done) <>$port >&0 &\r'
           'stty -F /dev/hvc1 -echo; (echo "kept on hvc1"; while read l; do echo "hvc1 heard $l"; done) </dev/hvc1 >/dev/hvc1 & '
           'echo all are "ready"\r')
    m.wait('^all are ready', 30)
    leave(m)
    enter(m)  # the first console, as in libvirt
    m.send('\r')
    m.wait('# ', 30)
    m.send('tty; echo $((6 * 7)) is "it"\r')
    m.wait(r'^/dev/hvc0\n42 is it', 30)
    m.send('i=0; while [ $i -lt 2000 ]; do echo "line $i of many"; i=$((i + 1)); done; echo it is "done"\r')
    m.wait('^line 1999 of many\nit is done', 60)
    # What floods can be interrupted.
    m.send('yes interrupt me\r')
    m.wait('^interrupt me\ninterrupt me', 30)
    m.send(b'\x03')
    m.send('echo still "here"\r')
    m.wait('^still here', 60)
    leave(m)
    for devname, words, heard in (('console1', 'kept on hvc1', 'hvc1'), ('channel0', 'kept in the channel', 'talk')):
        enter(m, f' --devname {devname}')
        m.wait(f'^{words}', 30)
        m.send(f'words for {heard}\r\n')
        m.wait(f'^{heard} heard words for {heard}', 30)
        leave(m)
    for name in ('console2', 'channel1', 'serial1', 'console'):
        assert f"cannot find console device '{name}'" in m.command(f'console ports --devname {name}'), name
    # Over a pause and a resume, and a reset, the ports are still there.
    m.command('suspend ports')
    m.command('resume ports')
    enter(m)
    m.send('echo after a "pause"\r')
    m.wait('^after a pause', 30)
    leave(m)
    dump = boot.directory + '/dump.xml'
    text = m.command('dumpxml ports')
    assert text.count('<console ') == 2 and "port='2'/>" in text and "<controller type='virtio-serial' index='0'>" in text, text
    with open(dump, 'w') as file:
        file.write(text)
    subprocess.run(['virt-xml-validate', dump, 'domain'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    m.command('reset ports')
    enter(m, ' --devname serial0')
    m.wait('Solera demo: Linux', 120)  # before it stands what was said before the reset
    m.wait(r'demo:/root# ', 120)
    m.send('ls /dev/hvc0 /dev/hvc1 && echo both are "there"\r')
    m.wait('^both are there', 30)
    leave(m)
    m.command('destroy ports')
    m.send_line('poweroff')
    m.wait_exit(60)
