# SPDX-License-Identifier: MIT
"""The bare machine tests itself (hv/selftest.c): threads, timers, shares, memory rights; then it fails on purpose."""

TIME_LIMIT = 400  # seven boots

# What is done wrong, and what the panic must say: the reason, and a function of the backtrace.
FAILURES = [
    ('stack', r'stopped: stack overflow', r'overflow_stack\+0x'),
    ('read', r'stopped: page fault: read of 0000000000000010 \(not mapped\)', r'(fail_on_purpose|selftest_run)\+0x'),
    ('text', r'stopped: page fault: write of ffffffff8\w+ \(not permitted\)', r'selftest_run\+0x'),
    ('execute', r'stopped: page fault: execution of \w+ \(not permitted\)', r'main_thread\+0x'),
    ('lock', r'stopped: lock order: outer .* while inner ', r'(take_wrong_order|selftest_run)\+0x'),
    ('free', r'stopped: kfree: ', r'(fail_on_purpose|selftest_run)\+0x'),
]


def run(boot):
    image = boot.image(cmdline='selftest')
    m = boot(image, memory='512M', smp=2)
    m.wait(r'selftest: PASS allocators balance', 90)
    m.wait(r'selftest: PASS shares 1 : 3')
    m.wait(r'selftest: PASS an idle host halts')
    assert int(m.wait(r'selftest: done, (\d+) failed').group(1)) == 0
    m.wait_prompt()
    m.stop()
    for how, reason, function in FAILURES:
        m = boot(boot.image(cmdline=f'selftest={how}'), memory='512M')
        m.wait(reason, 90, panic_is_failure=False)
        m.wait(function, panic_is_failure=False)
        m.wait('The machine stands still', panic_is_failure=False)
        m.stop()
