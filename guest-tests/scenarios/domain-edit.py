# SPDX-License-Identifier: MIT
"""edit, as on any editor's screen: with the keyboard on the screen, then on the serial line; a mistake is shown at its line."""
import os
import re

DOMAIN = """<domain type='kvm'>
  <name>box</name>
  <uuid>6f1c4a9e-7b1d-4c57-9b0e-2f5c1c0f7a11</uuid>
  <memory>65536</memory>
  <os><type>hvm</type><kernel>/solera/none</kernel></os>
</domain>
"""


def run(boot):
    xml = os.path.join(boot.directory, 'box.xml')
    with open(xml, 'w', encoding='ascii') as file:
        file.write(DOMAIN)
    m = boot(image=boot.image(domains=[xml]))
    m.wait_prompt(90)
    on_screen(m)
    on_serial(m)
    m.send_line('poweroff')
    m.wait_exit(30)


def on_screen(m):
    m.wait_screen('^solera #$', 90)  # it comes with the keyboard, after the serial line's
    m.type_text('edit box\n')
    m.wait_screen(r'box\.xml: line 1 of \d+, column 1')
    lines = m.screen_text()
    row = next(i for i, line in enumerate(lines) if '<memory' in line)
    assert re.fullmatch(r" *<memory unit='KiB'>65536</memory>", lines[row]), lines[row]
    m.keys(*['down'] * (row - 1), 'end', *['left'] * len('</memory>'), 'backspace')
    m.type_text('5x')
    m.wait_screen(rf'box\.xml \(changed\): line {row} of')
    m.keys('home', 'up', 'ctrl-s')
    m.wait_screen(rf'Failed, try again: box\.xml:{row}: ')
    m.wait_screen(rf'box\.xml \(changed\): line {row} of \d+, column 1$')  # the cursor has gone to the mistake
    m.keys('end', *['left'] * len('</memory>'), 'backspace', 'backspace')
    m.type_text('4')
    m.keys('ctrl-o')
    m.wait_screen('Saved for the next start')
    m.keys('ctrl-x')
    m.wait_screen("Domain 'box' XML configuration edited")
    m.wait_screen('It is kept in sda1')
    assert 'Max memory:     65536 KiB' in m.command('dominfo box'), 'typed back to what it was'


def on_serial(m):
    m.send_line('edit box')
    m.wait(r'box\.xml: line 1 of \d+, column 1', 20)
    # A paste with the terminal's marks: three lines, with a tab and CR LF; then left without saving.
    m.send('\x1b[200~<!-- one\r\n\ttwo\r\nthree -->\x1b[201~')
    m.wait(r'box\.xml \(changed\): line 3 of \d+, column 10', 20)
    m.send('\x1b[50;132R')                      # what a larger terminal answers
    m.wait(r'box\.xml \(changed\): line 3 of', 20)
    m.send('\x18')
    m.wait(r'Save the changes\?', 20)
    m.send('n')
    m.wait("Domain 'box' XML configuration not changed", 20)
    m.wait_prompt()
    # From nothing: everything cut, another description typed, saved by the question.
    m.send_line('edit box')
    m.wait(r'box\.xml: line 1 of (\d+), column 1', 20)
    m.send('\x1b[1;5H' + '\x15' * 100)
    m.wait(r'box\.xml \(changed\): line 1 of 1, column 1', 20)
    m.send(DOMAIN.replace('65536', '131072').replace('\n', '\r'))
    m.wait(r'box\.xml \(changed\): line 7 of 7', 20)
    m.send('\x11')
    m.wait(r'Save the changes\?', 20)
    m.send('y')
    m.wait("Domain 'box' XML configuration edited", 20)
    m.wait_prompt()
    assert 'Max memory:     131072 KiB' in m.command('dominfo box')
