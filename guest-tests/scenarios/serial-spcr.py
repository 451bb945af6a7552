# SPDX-License-Identifier: MIT
"""A shell on the serial port that ACPI's SPCR table names, and keys of a German keyboard on the screen."""
import os
import struct


def table(io_base, gsi):
    """SPCR revision 2: Microsoft, "Serial Port Console Redirection Table"."""
    body = struct.pack('<B3x', 0)                             # a full 16550
    body += struct.pack('<BBBBQ', 1, 8, 0, 1, io_base)        # system I/O
    body += struct.pack('<BBIBBBBBB', 3, 4, gsi, 7, 0, 1, 0, 3, 0)  # 8259 and I/O APIC, 115200 8N1
    body += struct.pack('<HHBBBIBI', 0xffff, 0xffff, 0, 0, 0, 0, 0, 0)
    header = struct.pack('<4sIBB6s8sI4sI', b'SPCR', 36 + len(body), 2, 0, b'SOLERA', b'TEST    ', 1, b'TEST', 1)
    checksum = -sum(header + body) & 0xff
    return header[:9] + bytes([checksum]) + header[10:] + body


def run(boot):
    path = os.path.join(boot.directory, 'spcr.bin')
    socket_path = os.path.join(boot.directory, 'spcr.socket')
    with open(path, 'wb') as file:
        file.write(table(0x2f8, 3))
    m = boot(image=boot.image(cmdline='keyboard=de'), args=[
        '-acpitable', f'file={path}', '-chardev', f'socket,id=second,path={socket_path},server=on,wait=off',
        '-serial', 'chardev:second'])
    second = m.connect_serial(socket_path)
    m.wait_prompt(90)
    second.send('\r')
    second.wait('solera # ', 30)
    second.send('echo zwei\r')
    second.wait('^zwei\n', 30)
    m.command('version')  # both at once
    os.unlink(path)

    m.wait_screen('^solera #$')
    m.keys('e', 'c', 'h', 'o', 'spc', 'y', 'semicolon', 'minus', 'alt_r-q', 'ret')
    m.wait_screen('^zöß@$')
