# SPDX-License-Identifier: MIT
"""Linux on the host's own disks: ext4 on an NVMe partition and on a SATA disk, written through virtio, judged by fsck outside."""

TIME_LIMIT = 420
EXT4_BYTES = 24 << 20
PARTITION_START = 2048
DOMAIN = '''<domain type='kvm'><name>disks</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices>DISKS<serial type='pty'/></devices></domain>'''
DISK = "<disk type='block'><driver name='qemu' type='raw'/><source dev='/dev/NAME'/><target dev='TARGET'/></disk>"
# What the guest does on both: a pattern through the cache, past it, and in pieces that are no whole pages.
WORK = ('mount -t ext4 /dev/DEV /mnt && dd if=/dev/urandom of=/tmp/a bs=1M count=6 2>/dev/null && cp /tmp/a /mnt/a && sync && '
        'echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/a /mnt/a && dd if=/tmp/a of=/mnt/b bs=1536 count=512 oflag=direct 2>/dev/null; '
        'dd if=/mnt/a of=/tmp/c bs=128k iflag=direct 2>/dev/null && cmp /tmp/a /tmp/c && md5sum </tmp/a && umount /mnt')


def run(boot):
    import hashlib
    import os
    import re
    import subprocess
    ext4 = open('build/demo/ext4.img', 'rb').read()
    nvme, sata = os.path.join(boot.directory, 'nvme.img'), os.path.join(boot.directory, 'sata.img')
    with open(nvme, 'wb') as file:
        file.truncate(EXT4_BYTES + (2 << 20))
    subprocess.run(['sgdisk', '-n', f'1:{PARTITION_START}:{PARTITION_START + EXT4_BYTES // 512 - 1}', nvme], check=True,
                   stdout=subprocess.DEVNULL)
    with open(nvme, 'r+b') as file:
        file.seek(PARTITION_START * 512)
        file.write(ext4)
    with open(sata, 'wb') as file:
        file.write(ext4)
    xml = os.path.join(boot.directory, 'disks.xml')
    with open(xml, 'w') as file:
        file.write(DOMAIN.replace('DISKS', ''.join(DISK.replace('NAME', name).replace('TARGET', target)
                                                   for name, target in (('nvme0n1p1', 'vda'), ('sda', 'vdb')))))
    files = {'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd'}
    m = boot(image=boot.image(files=files, domains=[xml]), memory='1G', args=[
        '-drive', f'file={nvme},if=none,id=n,format=raw,cache=writeback', '-device', 'nvme,serial=N1,drive=n',
        '-drive', f'file={sata},if=none,id=s,format=raw,cache=writeback', '-device', 'ide-hd,drive=s,bus=ide.1'])
    m.wait_prompt(120)
    log = m.command('dmesg')
    assert 'nvme0n1: QEMU NVMe Ctrl' in log and 'nvme0n1: GPT with 1 partitions' in log and 'sda: QEMU HARDDISK, 24 MiB' in log, log
    m.send_line('start disks')
    m.wait("Domain 'disks' started", 60)
    m.wait_prompt()
    m.send_line('console disks')
    m.wait(r'demo:/root# ', 120)
    sums = {}
    for device in ('vda', 'vdb'):
        m.send('mkdir -p /mnt; ' + WORK.replace('DEV', device) + '; echo "= $?"\r')
        sums[device] = m.wait('^[0-9a-f]{32}', 180).group(0)
        m.wait('^= 0', 60)
    m.send(b'\x1d')
    m.wait_prompt()
    for target in ('vda', 'vdb'):
        stat = dict(line.split()[1:] for line in m.command(f'domblkstat disks {target}').splitlines() if line.startswith(target))
        assert stat['errs'] == '0' and int(stat['wr_bytes']) > 6 << 20 and int(stat['flush_operations']) > 0, stat
    m.send_line('destroy disks')
    m.wait("Domain 'disks' destroyed", 30)
    m.wait_prompt()
    m.stop()
    # The judge: what lies in the files, by fsck and by the sum that the guest named.
    with open(nvme, 'rb') as file:
        file.seek(PARTITION_START * 512)
        part = file.read(EXT4_BYTES)
    for device, image in (('vda', part), ('vdb', open(sata, 'rb').read())):
        path = os.path.join(boot.directory, device + '.ext4')
        with open(path, 'wb') as file:
            file.write(image)
        subprocess.run(['e2fsck', '-f', '-n', path], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        found = subprocess.run(['debugfs', '-R', 'cat /a', path], check=True, capture_output=True).stdout
        assert hashlib.md5(found).hexdigest() == sums[device], f'{device}: another content than the guest wrote'
