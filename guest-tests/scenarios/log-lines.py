# SPDX-License-Identifier: MIT
"""Lines of the log appear above the row that is being typed, on serial and on screen, and tear neither."""


def run(boot):
    m = boot()
    m.wait_prompt(90)
    m.wait_screen('^solera #$')
    m.send('echo half a li')
    m.wait('half a li$')
    m.keys('v', 'e', 'r')
    m.keys('ctrl-alt-delete')
    m.wait(r'^\[ *\d+\.\d{6}\] Ctrl-Alt-Del was pressed: .*\n')
    m.wait(r'^solera # echo half a li$')
    m.send('ne\r')
    m.wait(r'^half a line\n')
    m.wait_screen(r'\] Ctrl-Alt-Del was pressed')
    lines = [line for line in m.screen_text() if line]
    assert lines[-1] == 'solera # ver', lines

    m.monitor('nmi')  # from an NMI's context
    m.wait(r'\] NMI: the hardware reports a problem')
    m.keys('s', 'tab', 'ret')
    m.wait_screen('^Running hypervisor')

    # A command that runs is not torn either: its line ends first.
    m.send_line('dmesg -w -l notice')
    m.wait(r'\] NMI: .*\n')
    m.keys('ctrl-alt-delete')
    m.wait(r'^\[ *\d+\.\d{6}\] Ctrl-Alt-Del .*\n')
    m.send('\x03')
    m.wait_prompt()
