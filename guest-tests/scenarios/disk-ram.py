# SPDX-License-Identifier: MIT
"""A disk and random numbers in an unmodified Linux: ext4 on a RAM disk by virtio-blk, written, read back, checked; one writer; figures of virsh's verbs."""

TIME_LIMIT = 420
DOMAIN = '''<domain type='kvm'><name>NAME</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices><disk type='file'><driver name='qemu' type='raw' discard='unmap'/><source file='/solera/ext4.img'/>
<target dev='vda'/>MORE<serial>S0LERA-1</serial></disk>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng><serial type='pty'/></devices></domain>'''


def guest(m, command, expected, timeout=60):
    m.send(command + '; echo "= $?"\r')
    m.wait(expected, timeout)
    m.wait('^= 0', timeout)


def run(boot):
    import os
    files = {'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd', 'build/demo/ext4.img': 'ext4.img'}
    domains = []
    for name, more in (('disk', ''), ('rival', '')):
        xml = os.path.join(boot.directory, name + '.xml')
        with open(xml, 'w') as file:
            file.write(DOMAIN.replace('NAME', name).replace('MORE', more))
        domains.append(xml)
    m = boot(image=boot.image(files=files, domains=domains), memory='1G')
    m.wait_prompt(120)
    assert 'vda      /solera/ext4.img' in m.command('domblklist disk')
    assert 'Capacity:       25165824' in m.command('domblkinfo disk vda')
    m.send_line('start disk')
    m.wait("Domain 'disk' started", 60)
    m.wait_prompt()
    m.send_line('start rival')
    m.wait("disk 'vda': /solera/ext4.img: ram0 is in use by domain disk", 30)
    m.wait_prompt()

    m.send_line('console disk')
    m.wait(r'disk:/root# |demo:/root# ', 120)
    guest(m, 'cat /sys/block/vda/size /sys/block/vda/serial; cat /sys/block/vda/queue/discard_granularity', '^49152\n')
    guest(m, 'mkdir -p /mnt; mount -t ext4 /dev/vda /mnt && cmp /mnt/README.md /mnt/README.md && ls /mnt', 'README.md')
    # Eight MiB of what no pattern repeats, through the cache and past it; the same after everything was dropped.
    guest(m, 'dd if=/dev/urandom of=/tmp/a bs=1M count=8 2>/dev/null; cp /tmp/a /mnt/a; sync; echo 3 >/proc/sys/vm/drop_caches; '
          'cmp /tmp/a /mnt/a && md5sum </mnt/a | cut -c1-8', '^[0-9a-f]{8}', 120)
    guest(m, 'dd if=/mnt/a of=/tmp/b bs=64k iflag=direct 2>/dev/null; cmp /tmp/a /tmp/b && echo direct same', '^direct same', 120)
    guest(m, 'dd if=/tmp/a of=/mnt/c bs=4k oflag=direct 2>/dev/null; sync; cmp /tmp/a /mnt/c && echo written same', '^written same', 120)
    guest(m, 'cat /sys/class/misc/hw_random/rng_current; head -c 2000 /dev/hwrng | gzip | wc -c', '^virtio_rng.0\n(19|20)[0-9]{2}\n', 60)
    guest(m, 'rm /mnt/c; sync; fstrim -v /mnt 2>/dev/null || echo no fstrim', 'trimmed|no fstrim')
    guest(m, 'umount /mnt && e2fsck -f -n /dev/vda && echo clean', '^clean', 120)
    guest(m, 'grep -c virtio /proc/interrupts; dmesg | grep -ciE "i/o error|virtio.*(fail|error)" || true', '^0')
    m.send(b'\x1d')
    m.wait_prompt()
    stat = dict(line.split()[1:] for line in m.command('domblkstat disk vda').splitlines() if line.startswith('vda '))
    assert int(stat['rd_bytes']) > 8 << 20 and int(stat['wr_bytes']) > 16 << 20 and int(stat['flush_operations']) > 0, stat
    assert stat['errs'] == '0', stat
    stats = m.command('domstats --block disk')
    assert 'block.count=1' in stats and 'block.0.name=vda' in stats and 'block.0.errors=0' in stats, stats
    assert 'No errors found' in m.command('domblkerror disk')

    # What was written is there for the next one who has it: also after the plug was pulled.
    m.send_line('destroy disk')
    m.wait("Domain 'disk' destroyed", 30)
    m.wait_prompt()
    m.send_line('start rival')
    m.wait("Domain 'rival' started", 60)
    m.wait_prompt()
    m.send_line('console rival')
    m.wait(r'demo:/root# ', 120)
    guest(m, 'mkdir -p /mnt; mount -t ext4 /dev/vda /mnt && ls -l /mnt/a', '8388608')
    m.send(b'\x1d')
    m.wait_prompt()
