# SPDX-License-Identifier: MIT
"""Linux on a qcow2 image: an overlay on an NVMe partition, its base on a SATA disk; judged by qemu-img check and fsck outside."""

TIME_LIMIT = 300
EXT4_BYTES = 24 << 20
IMAGE_BYTES = 32 << 20
PARTITION_START = 2048
DOMAIN = '''<domain type='kvm'><name>images</name><memory unit='MiB'>160</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices><disk type='block'><driver name='qemu' type='qcow2' discard='unmap'/><source dev='/dev/nvme0n1p1'/><target dev='vda'/></disk>
<disk type='block'><driver name='qemu' type='qcow2'/><source dev='/dev/nvme0n1p2'/><target dev='vdb'/></disk>
<serial type='pty'/></devices></domain>'''
WORK = ('mkdir -p /mnt; mount -t ext4 -o discard /dev/vda /mnt && dd if=/dev/urandom of=/tmp/a bs=1M count=5 2>/dev/null && cp /tmp/a /mnt/a && '
        'cp /tmp/a /mnt/gone && sync && rm /mnt/gone && sync && echo 3 >/proc/sys/vm/drop_caches && cmp /tmp/a /mnt/a && '
        'dd if=/tmp/a of=/mnt/b bs=1536 count=512 oflag=direct 2>/dev/null; md5sum </mnt/a && umount /mnt; echo "= $?"\r')


def run(boot):
    import hashlib
    import os
    import subprocess
    import time

    def path(name):
        return os.path.join(boot.directory, name)

    def quiet(*arguments):
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)

    ext4 = open('build/demo/ext4.img', 'rb').read()
    with open(path('sata.img'), 'wb') as file:
        file.write(ext4)
    quiet('qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', '/dev/sda', '-F', 'raw', path('top.qcow2'), str(EXT4_BYTES))
    with open(path('nvme.img'), 'wb') as file:
        file.truncate(IMAGE_BYTES + (4 << 20))
    second = PARTITION_START + IMAGE_BYTES // 512
    quiet('sgdisk', '-n', f'1:{PARTITION_START}:{second - 1}', '-n', f'2:{second}:{second + 2047}', path('nvme.img'))
    quiet('qemu-img', 'create', '-q', '-f', 'qcow2', path('small.qcow2'), '8M')
    with open(path('nvme.img'), 'r+b') as file, open(path('top.qcow2'), 'rb') as top:
        file.seek(PARTITION_START * 512)
        file.write(top.read())
        file.seek(second * 512)
        file.write(open(path('small.qcow2'), 'rb').read())
    with open(path('images.xml'), 'w') as file:
        file.write(DOMAIN)
    files = {'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd'}
    m = boot(image=boot.image(files=files, domains=[path('images.xml')]), memory='1G', args=[
        '-drive', f'file={path("nvme.img")},if=none,id=n,format=raw,cache=writeback', '-device', 'nvme,serial=N1,drive=n',
        '-drive', f'file={path("sata.img")},if=none,id=s,format=raw,cache=writeback', '-device', 'ide-hd,drive=s,bus=ide.1'])
    m.wait_prompt(120)
    before = dict(line.split() for line in m.command('domblkinfo images vda').splitlines() if ':' in line)
    assert before['Capacity:'] == str(EXT4_BYTES) and before['Physical:'] == str(IMAGE_BYTES), before
    m.send_line('start images')
    m.wait("Domain 'images' started", 60)
    m.wait_prompt()
    m.send_line('console images')
    m.wait(r'demo:/root# ', 120)
    m.send(WORK)
    wanted = m.wait('^[0-9a-f]{32}', 150).group(0)
    m.wait('^= 0', 60)
    m.send('dd if=/dev/zero of=/dev/vdb bs=64k count=100 oflag=direct\r')
    m.send(b'\x1d')
    m.wait_prompt()
    for _ in range(2): # there is no room for so much: the writer waits
        deadline = time.monotonic() + 60
        while 'paused (I/O error)' not in m.command('domstate images --reason'):
            assert time.monotonic() < deadline, 'the machine does not stand still'
        assert 'vdb: no space' in m.command('domblkerror images')
        assert 'resumed' in m.command('resume images') # without more room: it will be tried again, and fail again
    during = dict(line.split() for line in m.command('domblkinfo images vda').splitlines() if ':' in line)
    assert int(during['Allocation:']) > int(before['Allocation:']) + (4 << 20), (before, during)
    stat = dict(line.split()[1:] for line in m.command('domblkstat images vda').splitlines() if line.startswith('vda'))
    assert stat['errs'] == '0' and int(stat['wr_bytes']) > 5 << 20 and int(stat['flush_operations']) > 0, stat
    m.send_line('destroy images')
    m.wait("Domain 'images' destroyed", 30)
    m.wait_prompt()
    m.stop()
    # The judges: qemu-img for the image, fsck and the sum that the guest named for what it holds. The base is as it was.
    with open(path('nvme.img'), 'rb') as file, open(path('after.qcow2'), 'wb') as after:
        file.seek(PARTITION_START * 512)
        after.write(file.read(IMAGE_BYTES))
    assert open(path('sata.img'), 'rb').read() == ext4, 'the base was written'
    quiet('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', path('sata.img'), '-F', 'raw', path('after.qcow2'))
    quiet('qemu-img', 'check', '-q', '-f', 'qcow2', path('after.qcow2'))
    quiet('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', path('after.qcow2'), path('after.ext4'))
    with open(path('nvme.img'), 'rb') as file, open(path('small.qcow2'), 'wb') as small:
        file.seek(second * 512)
        small.write(file.read(1 << 20))
    quiet('qemu-img', 'check', '-q', '-f', 'qcow2', path('small.qcow2'))
    subprocess.run(['e2fsck', '-f', '-n', path('after.ext4')], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = subprocess.run(['debugfs', '-R', 'cat /a', path('after.ext4')], check=True, capture_output=True).stdout
    assert hashlib.md5(found).hexdigest() == wanted, 'another content than the guest wrote'
