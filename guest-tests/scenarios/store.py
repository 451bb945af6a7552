# SPDX-License-Identifier: MIT
"""What is defined outlives power-off: domains and networks in \\solera\\store of an NVMe partition, judged by mtools and fsck.fat outside."""

TIME_LIMIT = 420
PARTITION_START = 2048
PARTITION_SECTORS = 70000 * 2
DOMAIN = '''<domain type='kvm'><name>NAME</name><memory unit='MiB'>MEMORY</memory>
<os><type>hvm</type><kernel>/solera/none</kernel></os></domain>'''


def make_disk(path, folders=(), files=()):
    """A GPT disk with one FAT32 partition that has a folder \\solera\\store."""
    import os
    import subprocess
    partition = path + '.part'
    with open(partition, 'wb') as file:
        file.truncate(PARTITION_SECTORS * 512)
    quiet = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL, 'check': True}
    subprocess.run(['mkfs.fat', '-F', '32', '-n', 'STORE', partition], **quiet)
    subprocess.run(['mmd', '-i', partition, '::/solera', '::/solera/store', *folders], **quiet)
    for source, target in files:
        subprocess.run(['mcopy', '-i', partition, source, target], **quiet)
    with open(path, 'wb') as file:
        file.truncate((PARTITION_START + PARTITION_SECTORS + 2048) * 512)
    subprocess.run(['sgdisk', '-n', f'1:{PARTITION_START}:{PARTITION_START + PARTITION_SECTORS - 1}', path], **quiet)
    with open(path, 'r+b') as file:
        file.seek(PARTITION_START * 512)
        file.write(open(partition, 'rb').read())
    os.unlink(partition)


def judge(path):
    """What fsck.fat says of the partition, harmless lines apart: lost clusters are no finding, anything else is."""
    import os
    import re
    import subprocess
    partition = path + '.judge'
    with open(path, 'rb') as file:
        file.seek(PARTITION_START * 512)
        data = file.read(PARTITION_SECTORS * 512)
    with open(partition, 'wb') as file:
        file.write(data)
    out = subprocess.run(['fsck.fat', '-n', partition], capture_output=True, text=True).stdout
    os.unlink(partition)
    harmless = re.compile(r'fsck\.fat |/|Leaving filesystem|Reclaimed |Free cluster summary wrong|FATs differ but appear|'
                          r'  (Auto-correcting|Using first FAT|Truncating file to)|.*cluster chain length is >|.* files, .* clusters|$')
    return [line for line in out.split('\n') if not harmless.match(line)]


def machine(boot, disk):
    return boot(memory='512M', args=['-drive', f'file={disk},if=none,id=n,format=raw,cache=writeback',
                                     '-device', 'nvme,serial=N1,drive=n'])


def define(m, name, memory, more=''):
    m.send_line('define')
    m.wait('Ctrl-C gives up', 30)
    for line in DOMAIN.replace('NAME', name).replace('MEMORY', str(memory)).split('\n'):
        m.send_line(line)
    m.wait(f"^Domain '{name}' defined from pasted text\nIt is kept in nvme0n1p1:.solera.store\\.", 60)
    m.wait_prompt(30)


def run(boot):
    import os
    disk = os.path.join(boot.directory, 'store.img')
    make_disk(disk)
    m = machine(boot, disk)
    m.wait_prompt(120)
    assert 'kept in nvme0n1p1:\\solera\\store' in m.command('dmesg')
    for name, memory in (('one', 64), ('two words', 96), ('gone', 32)):
        define(m, name, memory)
    assert 'marked as autostarted' in m.command('autostart one')
    assert "has been undefined" in m.command('undefine gone')
    assert 'It is kept in nvme0n1p1' in m.command('net-autostart default --disable')
    network = m.command('net-dumpxml default')
    dump = m.command("dumpxml 'two words'")
    m.send_line('poweroff')
    m.wait_exit(60)
    assert judge(disk) == [], judge(disk)
    m = machine(boot, disk)
    m.wait_prompt(120)
    listed = m.command('list --all')
    assert 'one' in listed and 'two words' in listed and 'gone' not in listed, listed
    assert m.command("dumpxml 'two words'") == dump
    info = m.command('dominfo one')
    assert 'Autostart:      enable' in info and 'Max memory:     65536 KiB' in info, info
    assert "domain 'one' was to start by itself" in m.command('dmesg')
    assert 'default   inactive   no          yes' in m.command('net-list --all')
    assert m.command('net-dumpxml default') == network
    m.stop()
