# SPDX-License-Identifier: MIT
"""Linux on a virtio disk of the host: ext4 written through Solera, judged by fsck outside; the disk grows while it is there; a read-only one beside it."""
import hashlib
import os
import subprocess

TIME_LIMIT = 300
DOMAIN = '''<domain type='kvm'><name>disks</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices><disk type='block'><driver name='qemu' type='raw'/><source dev='/dev/vda'/><target dev='vda'/></disk>
<serial type='pty'/></devices></domain>'''
WORK = ('mount -t ext4 /dev/vda /mnt && dd if=/dev/urandom of=/tmp/a bs=1M count=6 2>/dev/null && cp /tmp/a /mnt/a && sync && '
        'echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/a /mnt/a && dd if=/mnt/a of=/tmp/c bs=128k iflag=direct 2>/dev/null && '
        'cmp /tmp/a /tmp/c && md5sum </tmp/a && umount /mnt')


def run(boot):
    ext4 = open('build/demo/ext4.img', 'rb').read()
    disk, fixed = os.path.join(boot.directory, 'disk.img'), os.path.join(boot.directory, 'fixed.img')
    with open(disk, 'wb') as file:
        file.write(ext4)
    with open(fixed, 'wb') as file:
        file.truncate(8 << 20)
    xml = os.path.join(boot.directory, 'disks.xml')
    with open(xml, 'w', encoding='utf-8') as file:
        file.write(DOMAIN)
    files = {'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd'}
    m = boot(image=boot.image(files=files, domains=[xml]), memory='1G', args=[
        '-drive', f'file={disk},if=none,id=v,format=raw,cache=writeback', '-device', 'virtio-blk-pci,drive=v,id=grows,addr=8',
        '-drive', f'file={fixed},if=none,id=f,format=raw,readonly=on', '-device', 'virtio-blk-pci,drive=f,disable-legacy=on,addr=9'])
    m.wait_prompt(120)
    log = m.command('dmesg')
    assert f'vda: virtio disk, {len(ext4) >> 20} MiB' in log and 'vdb: virtio disk, 8 MiB, read-only' in log, log
    assert '<name>virtio-blk</name>' in m.command('nodedev-dumpxml pci_0000_00_08_0')
    m.send_line('start disks')
    m.wait("Domain 'disks' started", 60)
    m.wait_prompt()
    m.send_line('console disks')
    m.wait(r'demo:/root# ', 120)
    m.send('mkdir -p /mnt; ' + WORK + '; echo "= $?"\r')
    wanted = m.wait('^[0-9a-f]{32}', 180).group(0)
    m.wait('^= 0', 60)
    m.send(b'\x1d')
    m.wait_prompt()
    stat = dict(line.split()[1:] for line in m.command('domblkstat disks vda').splitlines() if line.startswith('vda'))
    assert stat['errs'] == '0' and int(stat['wr_bytes']) > 6 << 20 and int(stat['flush_operations']) > 0, stat
    m.qmp('block_resize', device='v', size=len(ext4) + (16 << 20))
    m.wait(rf'vda: it has {(len(ext4) >> 20) + 16} MiB now', 30)
    m.send_line('destroy disks')
    m.wait("Domain 'disks' destroyed", 30)
    m.wait_prompt()
    m.stop()
    subprocess.run(['e2fsck', '-f', '-n', disk], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = subprocess.run(['debugfs', '-R', 'cat /a', disk], check=True, capture_output=True).stdout
    assert hashlib.md5(found).hexdigest() == wanted, 'another content than the guest wrote'
