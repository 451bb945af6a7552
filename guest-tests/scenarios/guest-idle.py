# SPDX-License-Identifier: MIT
"""An idle Linux guest makes only halts, timer writes and ends of interrupts: its exits over ten seconds, counted."""
import re
import time

TIME_LIMIT = 300
SECONDS = 10  # a measurement, not a wait for something


def counts(m):
    return {name: int(count) for name, count in re.findall(r'^ (\w+) +(\d+)', m.command('exits demo'), re.M)}


def guests_timer_interrupts(m):
    """As the guest counts them, in /proc/interrupts."""
    m.send_line('console demo')
    m.wait('Escape character')
    m.send('grep LOC: /proc/interrupts\r')
    count = int(m.wait(r'^ *LOC: +(\d+) +Local', 30).group(1))
    m.send(b'\x1d')
    m.wait_prompt()
    return count


def run(boot):
    m = boot(image='build/demo.img', memory='2G')
    m.wait_prompt(150)
    m.send_line('console demo')
    m.wait(r'demo:/root# ', 150)
    m.send(b'\x1d')
    m.wait_prompt()
    time.sleep(SECONDS / 2)  # init's last work
    timer_before = guests_timer_interrupts(m)
    time.sleep(1)  # the shell's last work
    before = counts(m)
    time.sleep(SECONDS)
    after = counts(m)
    ticks = guests_timer_interrupts(m) - timer_before
    more = {name: after[name] - before.get(name, 0) for name in after}
    print('      ' + ', '.join(f'{name} {count}' for name, count in more.items() if count) + f'; {ticks} timer interrupts')

    # The guest's own timer interrupts are the only thing to wake up for: for each one a halt, an end of interrupt, and the
    # next deadline, which Linux writes again when it goes idle (tick_nohz_idle_stop_tick). The host's own interrupts
    # during the guest's moments (its timer, in which the guest's deadline comes) are the host's.
    assert 0 < more['HLT'] <= ticks, 'more wake-ups than timer interrupts'
    assert more['MSR_WRITE'] <= 3 * ticks
    assert more.pop('INTERRUPT', 0) <= ticks
    others = {name: count for name, count in more.items() if count and name not in ('HLT', 'MSR_WRITE', 'all')}
    assert not others, f'exits that an idle guest has no reason for: {others}'
