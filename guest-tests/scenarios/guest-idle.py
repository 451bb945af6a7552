# SPDX-License-Identifier: MIT
"""An idle Linux guest makes only halts, timer writes and ends of interrupts: its exits over ten seconds, counted."""
import re
import time

TIME_LIMIT = 300
SECONDS = 10  # a measurement, not a wait for something


def counts(m):
    return {name: int(count) for name, count in re.findall(r'^ (\w+) +(\d+)', m.command('exits demo'), re.M)}


def run(boot):
    m = boot(image='build/demo.img', memory='2G')
    m.wait_prompt(150)
    m.send_line('console demo')
    m.wait(r'demo:/root# ', 150)
    m.send(b'\x1d')
    m.wait_prompt()
    time.sleep(SECONDS / 2)  # init's last work
    before = counts(m)
    time.sleep(SECONDS)
    after = counts(m)
    more = {name: after[name] - before.get(name, 0) for name in after}
    print('      ' + ', '.join(f'{name} {count}' for name, count in more.items() if count))

    assert 0 < more['HLT'] < 100 * SECONDS
    # For each wake-up: the deadline that wakes, its end of interrupt, the next deadline; some deadlines are moved twice.
    assert more['MSR_WRITE'] <= 4 * more['HLT'] + 20
    # Linux looks at TSC_ADJUST once a second when it goes idle.
    assert more.get('MSR_READ', 0) <= 2 * SECONDS
    assert more.get('INTERRUPT', 0) <= 5 * SECONDS, 'the host wakes for more than the guest asked'
    for name in ('CPUID', 'IO', 'NESTED_FAULT', 'HYPERCALL', 'CR_ACCESS'):
        assert more.get(name, 0) <= 2, f'{name}: {more[name]} exits of an idle guest'
