# SPDX-License-Identifier: MIT
"""The balloon in an unmodified Linux: memory goes back to the host and comes again as zeroes, statistics, free page reporting, a second machine lives on what came back."""
import re
import time

FULL = True
TIME_LIMIT = 400
DOMAIN = '''<domain type='kvm'><name>NAME</name><memory unit='MiB'>384</memory>CURRENT
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features><devices><serial type='pty'/>
<memballoon model='virtio' autodeflate='on'REPORTING><stats period='1'/></memballoon></devices></domain>'''


def free_kib(m):
    return int(re.search(r'free *: *([0-9]+) KiB', m.command('nodememstats')).group(1))


def stats(m, name):
    return {key: int(value) for key, value in re.findall(r'^(\w+) (\d+)$', m.command(f'dommemstat {name}'), re.M)}


def wait_for(m, words, check, timeout=60):
    deadline = time.monotonic() + timeout
    while not check():
        assert time.monotonic() < deadline, words
        time.sleep(0.5)


def guest(m, command, expected, timeout=90):
    m.send(command + '; echo "= $?"\r')
    m.wait(expected, timeout)
    m.wait('^= 0', timeout)


def run(boot):
    domains = []
    for name, current, reporting in (('balloon', '', ''), ('second', '', ''),
                                     ('small', "<currentMemory unit='MiB'>256</currentMemory>", " freePageReporting='on'")):
        xml = boot.directory + f'/{name}.xml'
        with open(xml, 'w') as file:
            file.write(DOMAIN.replace('NAME', name).replace('CURRENT', current).replace('REPORTING', reporting))
        domains.append(xml)
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd'}, domains=domains),
             memory='1G')
    m.wait_prompt(120)
    m.command('start balloon')
    m.send_line('console balloon')
    m.wait(r'demo:/root# ', 180)
    # All of its memory is touched once, so all of it is the host's to get back.
    guest(m, 'mkdir -p /mnt; mount -t tmpfs -o size=300m t /mnt; dd if=/dev/zero of=/mnt/a bs=1M count=290 2>/dev/null; rm /mnt/a; echo was touched', '^was touched')
    m.send(b'\x1d')
    m.wait_prompt()
    assert stats(m, 'balloon')['actual'] == 384 * 1024
    figures = stats(m, 'balloon')
    assert {'actual', 'rss', 'unused', 'available', 'usable', 'last_update', 'swap_in', 'major_fault'} <= set(figures), figures
    assert 0 < figures['unused'] <= figures['available'] <= 384 * 1024, figures
    before, rss = free_kib(m), figures['rss']
    m.command('setmem balloon 128M')
    wait_for(m, 'the balloon fills', lambda: stats(m, 'balloon')['actual'] == 128 * 1024)
    after = stats(m, 'balloon')
    assert rss - after['rss'] > 200 * 1024, (rss, after)
    assert free_kib(m) - before > 200 * 1024
    assert 'Used memory:    131072 KiB' in m.command('dominfo balloon')
    assert "<currentMemory unit='KiB'>131072</currentMemory>" in m.command('dumpxml balloon')
    # What came back is another machine's now, and the first one's wish to have it again is refused in words.
    whole = (free_kib(m) // 1024 - 128) * 1024
    m.command(f'setmaxmem second {whole} --config')
    m.command(f'setmem second {whole} --config')
    m.command('start second')
    m.send_line('console second')
    m.wait(r'demo:/root# ', 180)
    guest(m, 'mkdir -p /mnt; mount -t tmpfs -o size=300m t /mnt; dd if=/dev/zero of=/mnt/a bs=1M count=280 2>/dev/null; md5sum /mnt/a | cut -c1-8; echo ok', '^[0-9a-f]{8}\nok')
    m.send(b'\x1d')
    m.wait_prompt()
    assert 'cannot set memory higher than max memory' in m.command('setmem balloon 385M')
    refused = m.command('setmem balloon 384M')
    assert 'this host lacks' in refused, refused
    assert stats(m, 'balloon')['actual'] == 128 * 1024
    m.send_line('console balloon')
    m.send('\r')
    guest(m, 'dd if=/dev/zero of=/mnt/b bs=1M count=20 2>/dev/null; echo still "well"', '^still well')
    m.send(b'\x1d')
    m.wait_prompt()
    m.command('destroy second')
    m.command('setmem balloon 384M')
    wait_for(m, 'the balloon empties', lambda: stats(m, 'balloon')['actual'] == 384 * 1024)
    m.send_line('console balloon')
    m.send('\r')
    guest(m, 'dd if=/dev/urandom of=/mnt/b bs=1M count=200 2>/dev/null; cp /mnt/b /mnt/c 2>/dev/null; cmp -n 80000000 /mnt/b /mnt/c; echo all "there"', '^all there', 180)
    guest(m, 'rm /mnt/*; dmesg | grep -cE "Bad page|BUG:|Corrupt" || true', '^0')
    m.send(b'\x1d')
    m.wait_prompt()
    m.command('destroy balloon')

    # A machine that starts with less, and reports what it does not use.
    free = free_kib(m)
    m.command('start small')
    m.send_line('console small')
    m.wait(r'demo:/root# ', 180)
    guest(m, 'mkdir -p /mnt; mount -t tmpfs -o size=200m t /mnt; dd if=/dev/zero of=/mnt/a bs=1M count=150 2>/dev/null; rm /mnt/a; echo 1 >/proc/sys/vm/drop_caches; echo ok', '^ok')
    m.send(b'\x1d')
    m.wait_prompt()
    wait_for(m, 'the balloon fills', lambda: stats(m, 'small')['actual'] == 256 * 1024)
    wait_for(m, 'free pages are reported', lambda: stats(m, 'small')['rss'] < 160 * 1024)
    m.send_line('console small')
    m.send('\r')
    guest(m, 'dd if=/dev/urandom of=/mnt/b bs=1M count=100 2>/dev/null; cp /mnt/b /tmp/c; cmp /mnt/b /tmp/c && echo the "same"', '^the same', 180)
    m.send(b'\x1d')
    m.wait_prompt()
    m.command('reset small')
    m.send_line('console small')
    m.wait('Solera demo: Linux', 120)
    m.wait(r'demo:/root# ', 120)
    m.send(b'\x1d')
    m.wait_prompt()
    wait_for(m, 'after a reset it fills again', lambda: stats(m, 'small')['actual'] == 256 * 1024)
    m.command('destroy small')
    assert abs(free_kib(m) - free) < 4096, 'every page came back'
    for words, expected in (('setmem balloon 64M --config', ''), ('setmaxmem balloon 256M', ''), ('setmem balloon 0', 'must not be zero'),
                            ('setmem balloon x', "Numeric value 'x' for <size> option is malformed or out of range"),
                            ('dommemstat balloon', 'domain is not running'), ('setmem balloon 1G --live', 'domain is not running')):
        assert expected in m.command(words), words
    text = m.command('dumpxml balloon')
    assert "<memory unit='KiB'>262144</memory>" in text and "<currentMemory unit='KiB'>65536</currentMemory>" in text, text
    m.send_line('poweroff')
    m.wait_exit(60)
