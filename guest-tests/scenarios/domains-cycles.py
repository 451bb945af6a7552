# SPDX-License-Identifier: MIT
"""500 times start and destroy: no page is lost."""

FULL = True
TIME_LIMIT = 1500
CYCLES = 500


def run(boot):
    m = boot(image='build/demo.img', memory='1G')
    m.wait_prompt(120)
    m.command('destroy demo')
    for _ in range(3):  # whatever is made once and kept, is made now
        m.command('start demo')
        m.command('destroy demo')
    before = m.command('nodememstats')
    for i in range(CYCLES):
        assert m.command('start demo') == "Domain 'demo' started\n\n", i
        assert m.command('destroy demo') == "Domain 'demo' destroyed\n\n", i
    after = m.command('nodememstats')
    assert after == before, f'after {CYCLES} cycles:\n{before}{after}'
    m.send_line('poweroff')
    m.wait_exit(60)
