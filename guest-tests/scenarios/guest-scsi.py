# SPDX-License-Identifier: MIT
"""A SCSI disk and a CD drive in an unmodified Linux: written, checksummed, read again; media mounted, changed, ejected by either side; a disk that comes and goes."""
import hashlib
import os
import subprocess

TIME_LIMIT = 420
DOMAIN = '''<domain type='kvm'><name>scsi</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features><devices>
<disk type='file'><driver name='qemu' type='raw' discard='unmap'/><source file='/solera/disk.img'/><target dev='sda'/><serial>S0LERA-9</serial></disk>
<disk type='file' device='cdrom'><source file='/solera/first.iso'/><target dev='sdb' bus='scsi'/></disk>
<serial type='pty'/></devices></domain>'''


def guest(m, command, expected, timeout=60):
    m.send(command + '; echo "= $?"\r')
    m.wait(expected, timeout)
    m.wait('^= 0', timeout)


def enter(m):
    m.send_line('console scsi')
    m.wait(r'Escape character is \^\] \(Ctrl \+ \]\)\n')
    m.send('\r')


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def make_iso(directory, name):
    """An image with one file of noise; its path and the file's checksum."""
    folder = os.path.join(directory, 'scsi-' + name)
    os.makedirs(folder, exist_ok=True)
    noise = os.urandom(300000)
    with open(folder + '/noise', 'wb') as file:
        file.write(noise)
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-V', name, '-o', folder + '.iso', folder], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder + '.iso', hashlib.md5(noise).hexdigest()


def run(boot):
    first, first_sum = make_iso(boot.directory, 'first')
    second, second_sum = make_iso(boot.directory, 'second')
    files = {'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd', first: 'first.iso', second: 'second.iso'}
    for name in ('disk', 'more'):
        path = os.path.join(boot.directory, 'scsi-' + name + '.img')
        with open(path, 'wb') as file:
            file.truncate(8 << 20)
        files[path] = name + '.img'
    xml = os.path.join(boot.directory, 'scsi.xml')
    with open(xml, 'w') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(files=files, domains=[xml]), memory='1G')
    m.wait_prompt(120)
    dump = boot.directory + '/scsi-dump.xml'
    with open(dump, 'w') as file:
        file.write(m.command('dumpxml scsi'))
    subprocess.run(['virt-xml-validate', dump, 'domain'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    m.command('start scsi', 60)
    enter(m)
    m.wait(r'demo:/root# ', 180)

    # The disk: what it says of itself, and eight MiB there and back, past the page cache.
    guest(m, 'while [ ! -e /dev/sda ]; do sleep 1; done; cat /sys/block/sda/size /sys/block/sda/device/vendor', r'^16384\nSOLERA')
    guest(m, 'cat /sys/class/scsi_disk/*/cache_type /sys/class/scsi_disk/*/provisioning_mode', '^write back\nunmap')
    guest(m, 'dd if=/dev/urandom of=/tmp/a bs=1M count=8 2>/dev/null; dd if=/tmp/a of=/dev/sda bs=64k oflag=direct 2>/dev/null; sync; '
          'dd if=/dev/sda of=/tmp/b bs=4k iflag=direct 2>/dev/null; cmp /tmp/a /tmp/b && echo the "same"', '^the same', 120)
    guest(m, 'echo write through >/sys/class/scsi_disk/0:0:0:0/cache_type; cat /sys/class/scsi_disk/0:0:0:0/cache_type; '
          'dd if=/tmp/a of=/dev/sda bs=64k count=4 oflag=direct 2>/dev/null; echo through "done"', '^write through\nthrough done')
    guest(m, 'dd if=/dev/sda of=/tmp/c bs=1M count=9 skip=7 2>/dev/null; ls -l /tmp/c | awk "{print \\$5}"', '^1048576')

    # A CD: mounted it is held, and not to be written; then another one, and none.
    guest(m, 'mkdir -p /mnt; mount -t iso9660 -o ro /dev/sr0 /mnt && md5sum </mnt/noise', '^' + first_sum)
    leave(m)
    text = m.command('change-media scsi sdb /solera/second.iso', 60)
    assert 'Failed to complete action update on media' in text and 'locked' in text, text
    assert "The disk device 'sdb' already has media" in m.command('change-media scsi sdb /solera/second.iso --insert')
    assert 'No disk found whose source path or target is sda' in m.command('change-media scsi sda --eject')
    assert 'New disk media source was not specified' in m.command('change-media scsi sdb')
    enter(m)
    guest(m, 'umount /mnt && echo let "go"', '^let go')
    leave(m)
    assert 'there is no file' in m.command('change-media scsi sdb /solera/none.iso', 60)
    assert 'Successfully updated media.' in m.command('change-media scsi sdb /solera/second.iso', 60)
    enter(m)
    guest(m, 'mount -t iso9660 -o ro /dev/sr0 /mnt && md5sum </mnt/noise && umount /mnt', '^' + second_sum)
    # The guest opens the tray, and shuts it: the same medium is there.
    guest(m, 'cd /proc/sys/dev/cdrom; echo 1 >autoeject; dd if=/dev/sr0 of=/dev/null count=1 2>/dev/null; echo 0 >autoeject; echo 0 >autoclose; '
          'mount -t iso9660 -o ro /dev/sr0 /mnt 2>/dev/null || echo tray "open"', '^tray open')
    guest(m, 'echo 1 >autoclose; cd; mount -t iso9660 -o ro /dev/sr0 /mnt && md5sum </mnt/noise && umount /mnt', '^' + second_sum)
    leave(m)
    assert 'Successfully ejected media.' in m.command('change-media scsi sdb --eject', 60)
    assert 'sdb      -' in m.command('domblklist scsi')
    assert "The disk device 'sdb' doesn't have media" in m.command('change-media scsi sdb --eject')
    enter(m)
    guest(m, 'mount -t iso9660 -o ro /dev/sr0 /mnt 2>/dev/null || echo no "medium"', '^no medium')
    leave(m)
    assert 'Successfully inserted media.' in m.command('change-media scsi sdb /solera/first.iso --insert', 60)
    enter(m)
    guest(m, 'mount -t iso9660 -o ro /dev/sr0 /mnt && md5sum </mnt/noise && umount /mnt', '^' + first_sum)
    leave(m)

    # A disk that comes and goes: the controller's events tell Linux.
    assert 'Disk attached successfully' in m.command('attach-disk scsi /solera/more.img sdc --targetbus scsi', 60)
    enter(m)
    guest(m, 'while [ ! -e /dev/sdb ]; do sleep 1; done; cat /sys/block/sdb/size', '^16384', 60)
    leave(m)
    assert 'Disk detached successfully' in m.command('detach-disk scsi sdc', 60)
    enter(m)
    guest(m, 'while [ -e /dev/sdb ]; do sleep 1; done; echo it is "gone"', '^it is gone', 60)
    guest(m, 'dmesg | grep -ciE "sda.*(i/o error|sense key)|BUG:|virtio_scsi.*error" || true', '^0')
    leave(m)
    stat = m.command('domblkstat scsi sda')
    assert 'sda errs 0' in stat and int(stat.split('wr_bytes')[1].split()[0]) >= 8 << 20, stat
    m.command('destroy scsi')
    m.send_line('poweroff')
    m.wait_exit(60)
