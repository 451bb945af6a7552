# SPDX-License-Identifier: MIT
"""PAUSE-loop exits (VT-x, and the pause filter of Bochs's ryzen): tight loops exit now and then, others not; the preemption timer."""
import os
import re

FULL = True
TIME_LIMIT = 900
DOMAIN = """<domain type='kvm'><name>pauses</name><memory unit='MiB'>64</memory>
<os><type>hvm</type><kernel>/solera/pauses</kernel></os><devices><serial type='pty'/></devices></domain>"""
# 100,000 PAUSEs in 200,000 to 300,000 ticks: about 50 windows of 4,096 ticks (VT-x), 33 times 3,000 PAUSEs (AMD-V).
LEAST, MOST = 10, 100


def exits(m, kind):
    found = re.search(rf'^ {kind} +(\d+)', m.command('exits pauses'), re.M)
    return int(found.group(1)) if found else 0


def ask(m, letter, answer, kind):
    """How many exits of one kind that gave."""
    before = exits(m, kind)
    m.send_line('console pauses')
    m.wait('Escape character')
    m.send(letter)
    m.wait(answer, 120)
    m.send(b'\x1d')
    m.wait_prompt()
    return exits(m, kind) - before


def run(boot):
    path = os.path.join(boot.directory, 'pauses.xml')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(DOMAIN)
    iso = boot.image(files={'build/guests/pauses.kernel': 'pauses'}, domains=[path], kind='iso')
    for cpu in ('corei7_haswell_4770', 'ryzen'):
        m = boot.bochs(image=iso, cpu=cpu)
        m.wait_prompt(150)
        assert m.command('start pauses') == "Domain 'pauses' started\n\n"
        together = ask(m, 't', '100000 close together', 'PAUSE')
        apart = ask(m, 's', '2000 far apart', 'PAUSE')
        slices = ask(m, 'e', '20000000 turns', 'SLICE_END')
        print(f'      {cpu}: {together} exits of PAUSEs close together, {apart} of those far apart, {slices} ends of slices')
        assert LEAST <= together <= MOST, together
        assert apart == 0, apart
        # 40 million instructions, which are Bochs's ticks, and a timer of 4 million, begun anew at each entry; AMD-V has none.
        assert slices in ((0,) if cpu == 'ryzen' else (8, 9, 10, 11)), slices
        m.command('destroy pauses')
        m.stop()
