# SPDX-License-Identifier: MIT
"""Ten times the emulator is killed at a random point of defining, marking, creating and deleting: nothing torn, fsck.fat finds at worst lost clusters."""

TIME_LIMIT = 900
CUTS = 10
VOLUME_BYTES = 300 << 10


def load(name):
    import importlib.util
    import os
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(os.path.abspath(__file__)), name + '.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def look(store, disk, names):
    """Every definition is whole, every volume as long as it was made; what is unfinished is called .part."""
    import os
    import re
    import subprocess
    import xml.etree.ElementTree as tree
    assert store.judge(disk) == [], store.judge(disk)
    partition = disk + '.part'
    with open(disk, 'rb') as file, open(partition, 'wb') as out:
        file.seek(store.PARTITION_START * 512)
        out.write(file.read(store.PARTITION_SECTORS * 512))
    files = subprocess.run(['mdir', '-b', '-i', partition, '::/solera/store/domains'], capture_output=True, text=True).stdout.split()
    found = set()
    for path in files:
        text = subprocess.run(['mtype', '-i', partition, path], check=True, capture_output=True).stdout
        found.add(tree.fromstring(text).findtext('name'))
    assert found == set(names), found
    listed = subprocess.run(['mdir', '-a', '-i', partition, '::/images'], capture_output=True, text=True).stdout
    for size, name in re.findall(r'^\S+ +\S* +([\d ]+?) +\d{4}-\d\d-\d\d +\S+ +(vol\S+)$', listed, re.M):
        assert name.endswith('.part') or int(size.replace(' ', '')) == VOLUME_BYTES, (name, size)
    os.unlink(partition)


def run(boot, cuts=CUTS):
    import os
    import random
    import time
    store = load('store')
    disk = os.path.join(boot.directory, 'store-cuts.img')
    store.make_disk(disk, folders=('::/images',))
    seed = int(os.environ.get('SOLERA_SEED', time.time_ns() % 10**9))
    print(f'seed {seed}')
    chance = random.Random(seed)
    m = store.machine(boot, disk)
    m.wait_prompt(120)
    store.define(m, 'one', 64)
    store.define(m, 'two', 64)
    for command in ('pool-define-as images dir --target /nvme0n1p1/images', 'pool-autostart images'):
        assert 'It is kept in' in m.command(command)
    m.stop()
    look(store, disk, ('one', 'two'))
    for cut in range(cuts):
        m = store.machine(boot, disk)
        m.wait_prompt(120)
        assert 'images   active' in m.command('pool-list')
        work = []
        for i in range(12):
            work += [f'vol-create-as images volume-{cut}-{i} 300K', f'desc one {"x" * chance.randrange(1, 300)}',
                     'autostart two', 'autostart two --disable', f'vol-delete volume-{cut}-{i - 1} --pool images']
        for line in range(0, len(work), 5):
            m.send_line('; '.join(work[line:line + 5]))
        time.sleep(chance.uniform(0.05, 4))  # the random point: this is no wait for something
        m.stop()
        look(store, disk, ('one', 'two'))
