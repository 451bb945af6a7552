# SPDX-License-Identifier: MIT
"""An idle host halts: fewer than 20 interrupts a second wake it, counted by the emulator."""
import os
import time

SECONDS = 10  # a measurement, not a wait for something


def run(boot):
    m = boot(smp=2, args=['-accel', 'tcg'] if os.environ.get('ACCEL') == 'tcg' else [])
    m.wait_prompt(90)
    if 'kvm' in m.monitor('info kvm') and 'enabled' in m.monitor('info kvm').split('\n')[0]:
        raise boot.Skipped('under KVM the emulator does not see each interrupt')
    m.command('version')
    m.wait_screen('^solera #')  # the screen has drawn what there is to draw
    trace = os.path.join(boot.directory, 'idle.int')
    m.monitor(f'logfile {trace}')
    m.monitor('log int')
    start = time.monotonic()
    time.sleep(SECONDS)
    m.monitor('log none')
    seconds = time.monotonic() - start
    with open(trace, encoding='utf-8', errors='replace') as file:
        interrupts = [line for line in file if 'Servicing hardware INT' in line]
    os.unlink(trace)
    rate = len(interrupts) / seconds
    print(f'      idle: {rate:.1f} interrupts a second')
    assert rate < 20, sorted(set(interrupts))

    # That the count is no zero of its own making: a key wakes the host.
    m.monitor(f'logfile {trace}')
    m.monitor('log int')
    m.send('x')
    m.wait('x$')
    m.monitor('log none')
    with open(trace, encoding='utf-8', errors='replace') as file:
        assert any('Servicing hardware INT' in line for line in file), 'the emulator logs no interrupts'
    os.unlink(trace)
