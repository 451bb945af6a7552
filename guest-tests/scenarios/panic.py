# SPDX-License-Identifier: MIT
"""A panic shows its reason, registers and a backtrace with names, on serial and on screen, over a line half typed."""
import os
import socket


class Gdb:
    """As much of gdb's remote protocol as it takes to jump to a bad place."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(20)
        self.connection.connect(path)
        self.file = self.connection.makefile('rwb', buffering=0)

    def packet(self):
        """The next packet's text; acknowledges it."""
        data = b''
        while self.file.read(1) != b'$':
            pass
        while not data.endswith(b'#'):
            data += self.file.read(1)
        self.file.read(2)
        self.file.write(b'+')
        return data[:-1]

    def send(self, text):
        self.file.write(b'$%s#%02x' % (text, sum(text) & 0xff))

    def ask(self, text, begins):
        """Sends a packet and skips others (stop reports) up to the answer that begins so."""
        self.send(text)
        for _ in range(5):
            answer = self.packet()
            if answer.startswith(begins):
                return
        raise AssertionError(f'gdb: {text}: {answer}')


def run(boot):
    path = os.path.join(boot.directory, 'gdb.socket')
    m = boot(args=['-chardev', f'socket,id=gdb,path={path},server=on,wait=off', '-gdb', 'chardev:gdb'])
    m.wait_prompt(90)
    m.wait_screen('^solera #$')
    m.send('half a line')
    m.wait('half a line$')
    gdb = Gdb(path)
    gdb.ask(b'?', b'T')
    gdb.ask(b'qXfer:features:read:target.xml:0,ffb', b'l')  # QEMU takes single registers only after this
    gdb.ask(b'P10=efbeadde00000000', b'OK')  # register 16, RIP: 0xdeadbeef, where nothing is mapped
    gdb.send(b'c')
    m.send('x')  # wakes the CPU
    m.wait(r'\*\*\* Solera \S+ \(\w+\) stopped: page fault: execution of 00000000deadbeef \(not mapped\)', 30,
           panic_is_failure=False)
    m.wait(r'^RAX [0-9a-f]{16} ', 30, False)
    m.wait(r'^RIP 00000000deadbeef ', 30, False)
    m.wait(r'#0 +00000000deadbeef', 30, False)
    m.wait(r'#1 +[0-9a-f]{16} \w+\+0x', 30, False)
    m.wait(r'^The machine stands still', 30, False)
    m.wait_screen(r'^\*\*\* Solera \S+ \(\w+\) stopped: page fault: execution of 00000000deadbeef', 30)
    m.wait_screen('^The machine stands still', 30)
