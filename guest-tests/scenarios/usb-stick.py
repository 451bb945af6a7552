# SPDX-License-Identifier: MIT
"""Booted from a USB stick, with a USB keyboard only: no PS/2, no serial line; a machine defined and kept on the stick, started after a power cycle; sticks and keyboards that come and go."""

import os
import shutil
import struct

TIME_LIMIT = 600
DOMAIN = "<domain type='kvm'><name>kept</name><memory unit='MiB'>16</memory><os><type>hvm</type><kernel>/solera/spin</kernel></os></domain>"


def spinning_kernel():
    """A Multiboot kernel of one jump to itself, as a 32-bit ELF at 1 MiB."""
    body = struct.pack('<III', 0x1badb002, 0, (1 << 32) - 0x1badb002) + b'\xeb\xfe'
    elf = struct.pack('<16sHHIIIIIHHHHHH', b'\x7fELF\x01\x01\x01', 2, 3, 1, 0x10000c, 52, 0, 0, 52, 32, 1, 0, 0, 0)
    return elf + struct.pack('<IIIIIIII', 1, 84, 0x100000, 0x100000, len(body), len(body), 5, 4) + body


def stick(boot):
    kernel = os.path.join(boot.directory, 'spin')
    with open(kernel, 'wb') as file:
        file.write(spinning_kernel())
    path = os.path.join(boot.directory, 'stick.img')
    shutil.copy(boot.image(files={kernel: 'spin'}), path)
    return path


def machine(boot, path, **options):
    return boot(image=path, keyboard=False, usb=['usb-kbd,id=keys,port=2', 'usb-hub,port=4'], **options)


def see(boot, m, command, pattern):
    """Types a command until its answer shows the pattern: what was plugged in a moment ago is not there at once, and QEMU gives
    keys to the keyboard that came last, which loses those that come before it is asked for them."""
    for _ in range(12):
        m.keys('ctrl-c')
        m.type_text('clear\n' + command + '\n')
        try:
            return m.wait_screen(pattern, 3)
        except boot.Failed as failure:
            last = failure
    raise last


def run(boot):
    path = stick(boot)
    spare = os.path.join(boot.directory, 'spare.img')
    with open(spare, 'wb') as file:
        file.truncate(4 << 20)

    m = machine(boot, path, serial=False)
    m.wait_screen(r'^solera #$', 120)
    m.type_text('define\n')
    m.wait_screen('Ctrl-C gives up', 30)
    m.type_text(DOMAIN + '\n')
    m.wait_screen(r'It is kept in sda1:.solera.store', 60)
    m.type_text('poweroff\n')
    m.wait_exit(60)

    m = machine(boot, path, serial=False)
    m.wait_screen(r'^solera #$', 120)
    m.type_text('clear\nlist --all\n')
    m.wait_screen(r'^ - +kept +shut off', 30)
    m.type_text('start kept\n')
    m.wait_screen(r"^Domain 'kept' started", 60)
    m.type_text('destroy kept\n')
    m.wait_screen(r"^Domain 'kept' destroyed", 60)

    # A second stick and a second keyboard, put in and pulled out again; the first of both go on working.
    # The stick by turns in the controller and in a hub, the keyboard always in the hub.
    for round_number in range(4):
        name = f's{round_number}'
        port, node = (('3', 'usb_1_3'), ('4.2', 'usb_1_8_2'))[round_number % 2]
        m.qmp('blockdev-add', **{'driver': 'raw', 'node-name': name, 'file': {'driver': 'file', 'filename': spare}})
        m.qmp('device_add', driver='usb-storage', id='spare', drive=name, bus='xhci.0', port=port)
        m.qmp('device_add', driver='usb-kbd', id='more', bus='xhci.0', port='4.1')
        see(boot, m, f'nodedev-dumpxml {node}', 'usb-storage')
        see(boot, m, 'nodedev-list --cap usb_device', 'usb_1_8_1')
        m.qmp('device_del', id='spare')
        m.qmp('device_del', id='more')
        see(boot, m, f'echo round {round_number}', f'^round {round_number}$')
        see(boot, m, f'nodedev-dumpxml {node}', 'Node device not found')
        m.qmp('blockdev-del', **{'node-name': name})

    # The stick that holds the store is pulled out: the shell says where the definition is kept, and lives.
    m.qmp('device_del', id='stick')
    m.wait_screen(r'sda: it was pulled out', 30)
    m.type_text('clear\n')
    m.type_text('autostart kept\n')
    m.wait_screen('until power-off: there is no block device', 30)
    m.type_text('nodedev-list --cap usb_device\n')
    m.wait_screen(r'^usb_1_', 30)
    m.type_text('poweroff --force\n')
    m.wait_exit(60)
