# SPDX-License-Identifier: MIT
"""The image that clang built: its prompt, and the demo machine to a command in its shell. `make check-clang` gives the image."""


def run(boot):
    m = boot(memory='2G')
    m.wait_prompt(120)
    assert 'Solera' in m.command('version')
    m.send_line('console demo')
    m.wait(r'demo:/root# ', 180)
    m.send('echo $((6 * 7)) in the guest\r')
    m.wait(r'^42 in the guest', 30)
    m.send(b'\x1d')
    m.wait_prompt()
    m.command('suspend demo')
    assert 'paused' in m.command('list')
    m.command('resume demo')
    m.command('destroy demo')
    assert 'shut off' in m.command('list --all')
    m.send_line('poweroff')
    m.wait_exit(30)
