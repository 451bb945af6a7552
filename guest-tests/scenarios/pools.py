# SPDX-License-Identifier: MIT
"""Pools and volumes on a FAT32 partition of an NVMe disk: made, filled, copied, used by Linux as disks, one a qcow2 image that grows; judged outside."""

TIME_LIMIT = 500
DOMAIN = '''<domain type='kvm'><name>user</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices><disk type='volume'><driver name='qemu' type='raw'/><source pool='images' volume='copy.img'/><target dev='vda'/></disk>
<disk type='file'><driver name='qemu' type='qcow2'/><source file='/nvme0n1p1/images/grow.qcow2'/><target dev='vdb'/></disk>
<serial type='pty'/></devices></domain>'''


def run(boot):
    import hashlib
    import os
    import re
    import subprocess
    import importlib.util
    spec = importlib.util.spec_from_file_location('store', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'store.py'))
    store = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(store)
    disk = os.path.join(boot.directory, 'pools.img')
    grow = os.path.join(boot.directory, 'grow.qcow2')
    store.make_disk(disk, folders=('::/images',))
    xml = os.path.join(boot.directory, 'user.xml')
    with open(xml, 'w') as file:
        file.write(DOMAIN)
    files = {'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd', 'build/demo/ext4.img': 'ext4.img'}
    image = boot.image(files=files, domains=[xml])
    args = ['-drive', f'file={disk},if=none,id=n,format=raw,cache=writeback', '-device', 'nvme,serial=N1,drive=n']
    m = boot(image=image, memory='1G', args=args)
    m.wait_prompt(120)

    def says(command, words, timeout=60):
        out = m.command(command, timeout) if timeout != 60 else m.command(command)
        assert words in out, f'{command}: {out}'
        return out

    says('start user', "disk 'vda': volume 'copy.img' of pool 'images': ")
    says('pool-define-as whole fs --source-dev /dev/nvme0n1p1', 'Pool whole defined\nIt is kept in nvme0n1p1:\\solera\\store.')
    says('pool-define-as images dir --target /nvme0n1p1/images', 'Pool images defined')
    says('pool-define-as parts disk --source-dev /dev/nvme0n1', 'Pool parts defined')
    says('pool-define-as images dir --target /nvme0n1p1/images', "error: operation failed: pool 'images' already exists with uuid")
    says('vol-list images', 'error: Requested operation is not valid: storage pool is not active')
    for pool in ('whole', 'images', 'parts'):
        says(f'pool-start {pool}', f'Pool {pool} started')
    says('pool-autostart images', 'Pool images marked as autostarted')
    says('vol-list parts', ' nvme0n1p1   /dev/nvme0n1p1')
    ext4 = os.path.getsize('build/demo/ext4.img')
    says(f'vol-create-as images first.img {ext4}', 'Vol first.img created')
    says('vol-create-as images first.img 1M', 'error: operation failed: storage vol already exists')
    says('vol-create-as images big.img 5G', 'a file of FAT32 has 4 GiB - 1 byte at most')
    says('vol-create-as images big.img 1G', 'there is not enough space left in the pool')
    says('vol-create-as images grow.qcow2 64M --format qcow2', 'Vol grow.qcow2 created')
    says('vol-info grow.qcow2 --pool images --bytes', 'Capacity:       67108864 bytes')
    m.command('vol-upload first.img ext4.img --pool images')
    says('vol-clone first.img copy.img --pool images', 'Vol copy.img cloned from first.img')
    listed = m.command('vol-list images')
    assert re.search(r'copy\.img +/nvme0n1p1/images/copy\.img\n +first\.img.*\n +grow\.qcow2', listed) and '.part' not in listed, listed
    says('vol-info copy.img --pool images --bytes', f'Capacity:       {ext4} bytes')
    # A machine uses the copy; nobody else may meanwhile.
    m.send_line('start user')
    m.wait("Domain 'user' started", 60)
    m.wait_prompt()
    says('domblklist user --details', ' volume   disk     vda      copy.img')
    says('domblkinfo user vda', f'Capacity:       {ext4}')
    says('vol-delete copy.img --pool images', "error: Requested operation is not valid: volume 'copy.img' is still in use")
    m.send_line('console user')
    m.wait(r'demo:/root# ', 120)
    # The disk grows under the guest, which is told.
    m.send(b'\x1d')
    m.wait_prompt()
    says(f'blockresize user vda {ext4 // 2}b', 'a disk in use does not get smaller')
    says('blockresize user vdb 128M', 'qcow2 images are not resized')
    says(f'blockresize user vda {(ext4 >> 10) + 2048}', "Block device 'vda' is resized")
    m.send_line('console user')
    m.send(f'while [ $(cat /sys/block/vda/size) != {(ext4 >> 9) + 4096} ]; do sleep 1; done; echo it has "grown"\r')
    m.wait('^it has grown', 60)
    m.send('mkdir -p /mnt; mount -t ext4 /dev/vda /mnt && dd if=/dev/urandom of=/mnt/a bs=1M count=4 2>/dev/null; sync; '
           'md5sum </mnt/a && umount /mnt; echo "= $?"\r')
    digest = m.wait('^[0-9a-f]{32}', 120).group(0)
    m.wait('^= 0', 60)
    m.send('dd if=/dev/urandom of=/tmp/g bs=1M count=6 2>/dev/null; dd if=/tmp/g of=/dev/vdb bs=1M seek=20 2>/dev/null; sync; '
           'md5sum </tmp/g; echo "= $?"\r')
    grown = m.wait('^[0-9a-f]{32}', 180).group(0)
    m.wait('^= 0', 60)
    m.send(b'\x1d')
    m.wait_prompt()
    says('destroy user', "Domain 'user' destroyed")
    says('vol-create-as images room.img 3M', 'Vol room.img created')
    says('vol-resize room.img 1M --pool images', "Can't shrink capacity")
    says('vol-resize room.img 5M --pool images', "Size of volume 'room.img' successfully changed to 5M")
    says('vol-delete room.img --pool images', 'Vol room.img deleted')
    says('pool-undefine whole', "storage pool 'whole' is active")
    for document, schema, command in (('pool', 'storagepool', 'pool-dumpxml images'), ('volume', 'storagevol', 'vol-dumpxml copy.img images'),
                                      ('pool', 'storagepool', 'pool-dumpxml parts'), ('pool', 'storagepool', 'pool-dumpxml whole')):
        path = os.path.join(boot.directory, 'dump.xml')
        text = m.command(command)
        with open(path, 'w') as file:
            file.write(text[text.index('<' + document):])
        subprocess.run(['virt-xml-validate', path, schema], check=True, stdout=subprocess.DEVNULL)
    m.send_line('poweroff')
    m.wait_exit(60)
    assert store.judge(disk) == [], store.judge(disk)
    # The same bytes outside: by mtools out of the partition, by debugfs out of the image.
    partition, copy = disk + '.part', os.path.join(boot.directory, 'copy.ext4')
    with open(disk, 'rb') as file, open(partition, 'wb') as out:
        file.seek(store.PARTITION_START * 512)
        out.write(file.read(store.PARTITION_SECTORS * 512))
    subprocess.run(['mcopy', '-n', '-o', '-i', partition, '::/images/copy.img', copy], check=True)
    subprocess.run(['mcopy', '-n', '-o', '-i', partition, '::/images/grow.qcow2', grow], check=True)
    os.unlink(partition)
    subprocess.run(['qemu-img', 'check', '-q', grow], check=True)
    subprocess.run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', grow, grow + '.raw'], check=True)
    with open(grow + '.raw', 'rb') as file:
        file.seek(20 << 20)
        assert hashlib.md5(file.read(6 << 20)).hexdigest() == grown, 'another content in the qcow2 image than the guest wrote'
    subprocess.run(['e2fsck', '-f', '-n', copy], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = subprocess.run(['debugfs', '-R', 'cat /a', copy], check=True, capture_output=True).stdout
    assert hashlib.md5(found).hexdigest() == digest, 'another content than the guest wrote'
    m = boot(image=image, memory='1G', args=args)
    m.wait_prompt(120)
    pools = m.command('pool-list --all')
    assert re.search(r' images +active +yes\n +parts +inactive +no\n +whole +inactive +no', pools), pools
    m.stop()
