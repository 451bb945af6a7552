# SPDX-License-Identifier: MIT
"""All CPUs of the host run: the self-tests that need several, a hung CPU found by the watchdog, a panic that names the others."""
import re

FULL = True
TIME_LIMIT = 600
TESTS = ['calls from everybody to everybody', 'a token goes round, each hop to another CPU', 'a token goes round among free threads',
         'threads change their own CPU', 'threads are pushed while they run and sleep', 'spinners made on one CPU reach all',
         "run, steal and wait add up to a thread's age", 'a timer armed on all CPUs, quiet once cancelled',
         'no CPU sees a mapping that was taken away', 'time does not go back from CPU to CPU',
         'threads that end while they are joined and detached']


def node(m, name):
    return re.search(rf'^{name}: +(\S+)', m.command('nodeinfo'), re.M).group(1)


def run(boot):
    # Four CPUs of a q35.
    m = boot(boot.image(cmdline='selftest'), memory='512M', smp=4)
    m.wait('4 of 4 CPUs run', 90)
    m.wait('selftest: PASS an idle host halts', 90)
    for test in TESTS:
        m.wait(re.escape(f'selftest: PASS smp: {test}'), 90)
    assert int(m.wait(r'selftest: done, (\d+) failed', 60).group(1)) == 0
    m.wait_prompt()
    assert node(m, r'CPU\(s\)') == '4'
    for cpu in range(4):
        idle = re.search(r'^idle: +(\d+)', m.command(f'nodecpustats --cpu {cpu}'), re.M)
        assert idle and int(idle.group(1)) > 0, cpu
    assert 'error' in m.command('nodecpustats --cpu 4')
    m.send_line('poweroff')
    m.wait_exit(60)

    # An older machine, and fewer CPUs than there are.
    m = boot(boot.image(cmdline='cpus=2'), memory='512M', smp=3, machine='pc')
    m.wait('2 of 3 CPUs run', 90)
    m.wait_prompt()
    assert node(m, r'CPU\(s\)') == '2'
    m.stop()

    # A CPU that takes no interrupt any more is named, with the function in which it hangs; when it goes on, so does everything.
    m = boot(boot.image(cmdline='selftest=hang watchdog=3'), memory='512M', smp=2)
    m.wait('selftest: failing on purpose: hang', 90)
    m.wait(r'watchdog: CPU 1 has taken no timer interrupt for 3 s: thread hangs is at \w+ hang\+0x', 60)
    m.wait('selftest: the hang is over', 60)
    m.wait_prompt()
    m.stop()

    # A panic stops the others and says where they were.
    m = boot(boot.image(cmdline='selftest=others'), memory='512M', smp=3)
    m.wait('stopped: selftest: others', 90, panic_is_failure=False)
    m.wait(r'CPU [12] was in thread busy:', panic_is_failure=False)
    m.wait(r'#0 +\w+ keep_busy\+0x', panic_is_failure=False)
    m.wait('1 other CPU idled', panic_is_failure=False)
    m.wait('The machine stands still', panic_is_failure=False)
    m.stop()
