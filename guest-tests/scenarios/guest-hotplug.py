# SPDX-License-Identifier: MIT
"""Disks that come and go in a running, unmodified Linux (pciehp): attached, written, detached; one that the guest keeps; many times over."""
import re
import time

FULL = True
TIME_LIMIT = 600
ROUNDS = 8 # 50 with --full's environment: SOLERA_ROUNDS
DOMAIN = '''<domain type='kvm'><name>plug</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off CMDLINE</cmdline></os><features><acpi/></features><devices>
<disk type='file'><source file='/solera/ext4.img'/><target dev='vda'/><readonly/></disk>
<controller type='pci' model='pcie-root-port'/><controller type='pci' model='pcie-root-port'/>
<serial type='pty'/></devices></domain>'''


def enter(m):
    m.send_line('console plug')
    m.wait(r'Escape character is \^\] \(Ctrl \+ \]\)\n')
    m.send('\r')


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def guest(m, command, expected, timeout=60):
    m.send(command + '; echo "= $?"\r')
    m.wait(expected, timeout)
    m.wait('^= 0', timeout)


def free_kib(m):
    return int(re.search(r'free *: *([0-9]+) KiB', m.command('nodememstats')).group(1))


def run(boot):
    import os
    import subprocess
    rounds = int(os.environ.get('SOLERA_ROUNDS', ROUNDS))
    xml = boot.directory + '/plug.xml'
    with open(xml, 'w') as file:
        file.write(DOMAIN.replace('CMDLINE', ''))
    spare = boot.directory + '/spare.img'
    with open(spare, 'wb') as file:
        file.truncate(8 << 20)
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd',
                                     'build/demo/ext4.img': 'ext4.img', spare: 'spare.img'}, domains=[xml]), memory='1G')
    m.wait_prompt(120)
    m.command('start plug')
    enter(m)
    m.wait(r'demo:/root# ', 180)
    guest(m, 'ls /sys/bus/pci/slots; ls /sys/bus/pci_express/drivers', r'pciehp')
    leave(m)
    assert 'Disk attached successfully' in m.command('attach-disk plug /solera/spare.img vdb --serial PLUGGED', 60)
    assert 'vdb      /solera/spare.img' in m.command('domblklist plug')
    assert "in use by domain plug" in m.command('attach-disk plug /solera/spare.img vdc', 60)
    assert "target 'vdb' duplicated" in m.command('attach-disk plug /solera/ext4.img vdb', 60)
    enter(m)
    guest(m, 'while [ ! -e /dev/vdb ]; do sleep 1; done; cat /sys/block/vdb/size /sys/block/vdb/serial; echo', '^16384\nPLUGGED', 90)
    guest(m, 'dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null; dd if=/tmp/a of=/dev/vdb bs=64k oflag=direct 2>/dev/null; '
          'dd if=/dev/vdb of=/tmp/b bs=64k count=64 iflag=direct 2>/dev/null; cmp /tmp/a /tmp/b && echo same "bytes"', '^same bytes', 90)
    leave(m)
    assert 'Disk detached successfully' in m.command('detach-disk plug vdb', 90)
    assert 'vdb' not in m.command('domblklist plug')
    enter(m)
    guest(m, 'ls /dev/vdb 2>/dev/null || echo it is "gone"', '^it is gone', 60)
    leave(m)
    # Two at once, through XML; what was written is still there.
    assert 'Disk attached successfully' in m.command('attach-disk plug /solera/spare.img vdb', 60)
    enter(m)
    guest(m, 'while [ ! -e /dev/vdb ]; do sleep 1; done; dd if=/dev/vdb of=/tmp/b bs=64k count=64 iflag=direct 2>/dev/null; '
          'cmp /tmp/a /tmp/b && echo same "again"', '^same again', 90)
    leave(m)
    assert 'stands on PCI bus 0' in m.command('detach-disk plug vda', 60)
    assert 'not found' in m.command('detach-disk plug vdx', 60)
    text = m.command('dumpxml plug')
    assert "bus='0x01' slot='0x00'" in text and text.count("model='pcie-root-port'") == 2, text
    dump = boot.directory + '/dump.xml'
    with open(dump, 'w') as file:
        file.write(text)
    subprocess.run(['virt-xml-validate', dump, 'domain'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert 'Disk detached successfully' in m.command('detach-disk plug vdb', 90)
    before = free_kib(m)
    for n in range(rounds):
        assert 'Disk attached successfully' in m.command('attach-disk plug /solera/spare.img vdb', 60), n
        enter(m)
        guest(m, f'while [ ! -e /dev/vdb ]; do sleep 1; done; echo round {n} "came"', f'^round {n} came', 90)
        leave(m)
        assert 'Disk detached successfully' in m.command('detach-disk plug vdb', 90), n
    assert before - free_kib(m) < 512, (before, free_kib(m))
    # A guest that does not answer: the request is told as such, the disk stays, and a reset of the machine lets it go.
    assert 'Disk attached successfully' in m.command('attach-disk plug /solera/spare.img vdb', 60)
    enter(m)
    guest(m, 'while [ ! -e /dev/vdb ]; do sleep 1; done; for p in /sys/bus/pci_express/drivers/pciehp/*:pcie*; do '
          'echo $(basename $p) >/sys/bus/pci_express/drivers/pciehp/unbind; done; echo driver "left"', '^driver left', 60)
    leave(m)
    assert 'has not answered it yet' in m.command('detach-disk plug vdb', 90)
    assert 'vdb' in m.command('domblklist plug')
    m.command('reset plug')
    deadline = time.monotonic() + 30
    while 'vdb' in m.command('domblklist plug'):
        assert time.monotonic() < deadline
    enter(m)
    m.wait('Solera demo: Linux', 120)
    m.wait(r'demo:/root# ', 120)
    guest(m, 'ls /dev/vd* | wc -l; dmesg | grep -ciE "i/o error|BUG:" || true', '^1\n0')
    leave(m)
    assert 'Disk attached successfully' in m.command('attach-disk plug /solera/spare.img vdb --persistent', 60)
    m.command('destroy plug')
    assert '/solera/spare.img' in m.command('domblklist plug --inactive')
    assert 'Disk detached successfully' in m.command('detach-disk plug vdb --config')
    m.command('start plug')
    m.command('destroy plug')
    m.send_line('poweroff')
    m.wait_exit(60)
