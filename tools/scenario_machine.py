# SPDX-License-Identifier: MIT
"""A machine that a scenario drives like a person: its serial line, its keyboard, its screen.

The interface that scenarios use: wait, send, send_line, command, keys, type_text, screen_text, wait_screen, qmp, wait_exit,
stop. docs/testing.md has a page on it. Every wait has a deadline; nothing here sleeps for luck. A machine is always ended
by the scenario runner, by the process that it started itself.
"""
import json
import os
import re
import shlex
import socket
import subprocess
import threading
import time

import pcf_font

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FONT = os.environ.get('FONT', '/usr/share/fonts/X11/misc/ter-u16n_unicode.pcf.gz')
PROMPT = 'solera # '
PANIC = re.compile(r'(?m)^.*\*\*\* Solera .* stopped: .*$')
ESCAPES = re.compile(r'\x1b\[[0-9;?=]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>78cDEM]')
CUT_OFF = re.compile(rb'\x1b[()]?\Z|\x1b\[[0-9;?=]*\Z|\r+\Z|[\xc0-\xff][\x80-\xbf]{0,2}\Z')


class Failed(Exception):
    """The scenario's expectation did not come true; the text says which."""


class Console:
    """A serial line: bytes go out at once, what comes in is gathered by a thread."""

    def __init__(self, read_file, write_file, log_path):
        self.raw = bytearray()
        self.text = ''
        self.place = 0  # how far wait() has read
        self.changed = threading.Condition()
        self.ended = False
        self.read_file, self.write_file = read_file, write_file
        self.log = open(log_path, 'wb')
        self.half = b''
        threading.Thread(target=self._gather, daemon=True).start()

    def _gather(self):
        while True:
            try:
                data = os.read(self.read_file, 65536)
            except OSError:
                data = b''
            with self.changed:
                if not data:
                    self.ended = True
                    self.changed.notify_all()
                    return
                self.log.write(data)
                self.log.flush()
                self.raw += data
                # A sequence or character that is cut off waits for its rest.
                data = self.half + data
                cut = CUT_OFF.search(data[-64:])
                keep = len(data) - len(data[-64:]) + cut.start() if cut else len(data)
                self.half = data[keep:]
                self._add(ESCAPES.sub('', data[:keep].decode('utf-8', 'replace')))
                self.changed.notify_all()

    def _add(self, text):
        """A row that is drawn again (CR without LF) counts as a line of its own."""
        text = re.sub(r'\r+\n', '\n', text)
        text = re.sub(r'(?<!\n)\r+', '\n', self.text[-1:] + text)[len(self.text[-1:]):]
        self.text += text.replace('\r', '')

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        while data:
            data = data[os.write(self.write_file, data):]

    def wait(self, pattern, timeout, panic_is_failure=True):
        deadline = time.monotonic() + timeout
        expression = re.compile(pattern, re.M)
        with self.changed:
            while True:
                match = expression.search(self.text, self.place)
                if match:
                    self.place = match.end()
                    return match
                panic = PANIC.search(self.text) if panic_is_failure else None
                if panic:
                    self.changed.wait(1)  # its backtrace is still coming
                    raise Failed(f'the hypervisor stopped: {panic.group(0)}')
                left = deadline - time.monotonic()
                if self.ended:
                    raise Failed(f'the machine ended while waiting for {pattern!r}')
                if left <= 0:
                    raise Failed(f'no {pattern!r} within {timeout} s')
                self.changed.wait(left)


class Screen:
    """Reads words off a screendump with the glyphs of Solera's own font."""

    glyphs = None

    @classmethod
    def load_font(cls):
        if cls.glyphs is None:
            _width, _height, glyphs = pcf_font.read(FONT)
            cls.glyphs = {}
            for character, rows in sorted(glyphs.items(), reverse=True):  # the lowest character of equal ones stays
                if character >= 0x20:
                    cls.glyphs[bytes(rows)] = chr(character)

    def __init__(self, path):
        self.load_font()
        with open(path, 'rb') as file:
            magic, size, depth = file.readline(), file.readline(), file.readline()
            if magic != b'P6\n' or depth != b'255\n':
                raise Failed(f'{path}: not a screendump')
            self.width, self.height = map(int, size.split())
            self.pixels = file.read()
        self.scale = max(1, min(self.width // 800, self.height // 480))
        self.cells = {}

    def _character(self, cell):
        """cell: the pixels of 16 rows of 8 points, three bytes each."""
        points = [cell[i:i + 3] for i in range(0, len(cell), 3)]
        colours = sorted(set(points), key=lambda c: -points.count(c))
        if len(colours) > 2:
            return '\0'
        for ink in reversed(colours):  # the rarer colour first; then inverse, as under the cursor
            rows = bytes(sum(0x80 >> x for x in range(8) if points[8 * y + x] == ink) for y in range(16))
            if rows in self.glyphs and self.glyphs[rows] != '\u2588':
                return self.glyphs[rows]
        return ' ' if len(colours) == 1 else '\0'

    def lines(self):
        step = 3 * self.scale
        result = []
        for row in range(self.height // (16 * self.scale)):
            slices = []
            for y in range(16):
                start = (row * 16 + y) * self.scale * self.width * 3
                line = self.pixels[start:start + self.width * 3]
                if self.scale > 1:
                    line = b''.join(line[x:x + 3] for x in range(0, len(line), step))
                slices.append(line)
            text = ''
            for column in range(self.width // (8 * self.scale)):
                cell = b''.join(line[24 * column:24 * column + 24] for line in slices)
                if cell not in self.cells:
                    self.cells[cell] = self._character(cell)
                text += self.cells[cell]
            result.append(text.rstrip())
        return result


KEY_NAMES = {
    ' ': 'spc', '-': 'minus', '=': 'equal', '[': 'bracket_left', ']': 'bracket_right', ';': 'semicolon', "'": 'apostrophe',
    '`': 'grave_accent', '\\': 'backslash', ',': 'comma', '.': 'dot', '/': 'slash', '\r': 'ret', '\n': 'ret', '\t': 'tab',
}
SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./"))


class Machine:
    """QEMU with Solera's image, started by tools/solera-run's own command."""

    def __init__(self, directory, name, image=None, smp=1, memory='1G', machine='q35', machine_options='', serial=True,
                 screen=True, keyboard=True, cpu=None, icount=False, bios=False, usb=(), args=()):
        self.name, self.directory = name, directory
        self.qmp_path = os.path.join(directory, f'{name}.qmp')
        command = [os.path.join(TOP, 'tools', 'solera-run'), '--dry-run', '--smp', str(smp), '--memory', memory,
                   '--machine', machine]
        command += ['--image', image] if image else []
        command += ['--cpu', cpu] if cpu else []
        command += ['--icount'] if icount else []
        command += ['--bios'] if bios else []
        command += ['--', '-qmp', f'unix:{self.qmp_path},server=on,wait=off', '-no-reboot'] + list(args)
        answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise Failed(answer.stderr.strip())
        command = shlex.split(answer.stdout)
        if usb:
            self._boot_from_stick(command, usb)
        if not serial:
            command[command.index('-serial') + 1] = 'none'
        if not screen:
            command[command.index('-vga') + 1] = 'none'
        options = ([] if keyboard else ['i8042=off']) + ([machine_options] if machine_options else [])
        if options:
            command[command.index('-machine') + 1] += ',' + ','.join(options)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        bufsize=0)
        self.log_path = os.path.join(directory, f'{name}.log')
        self.console = Console(self.process.stdout.fileno(), self.process.stdin.fileno(), self.log_path)
        self.qmp_file = None

    @staticmethod
    def _boot_from_stick(command, devices):
        """The image is a stick behind an xHCI controller, and what is written to it stays; further devices follow."""
        disk = command.index('ide-hd,drive=boot,bootindex=0')
        command[disk] = 'usb-storage,id=stick,bus=xhci.0,drive=boot,bootindex=0'
        drive = next(i for i, word in enumerate(command) if word.startswith('if=none,id=boot,'))
        command[drive] = command[drive].replace('snapshot=on,', '')
        for word in reversed(devices):
            command[disk + 1:disk + 1] = ['-device', word]
        command[drive - 1:drive - 1] = ['-device', 'qemu-xhci,id=xhci']

    # The serial line

    def wait(self, pattern, timeout=60, panic_is_failure=True):
        """Waits until the serial line's text, from where the last wait ended, matches; escape sequences are left out."""
        return self.console.wait(pattern, timeout, panic_is_failure)

    def send(self, data):
        self.console.send(data)

    def send_line(self, text):
        self.console.send(text + '\r')

    def wait_prompt(self, timeout=60):
        return self.wait(PROMPT, timeout)

    def command(self, line, timeout=30):
        """Types a line at the prompt and returns what it printed, up to the next prompt."""
        self.send_line(line)
        self.wait(re.escape(PROMPT + line) + r'\n|' + re.escape(line) + r'\n', timeout)
        start = self.console.place
        self.wait(r'^' + PROMPT, timeout)
        return self.console.text[start:self.console.place - len(PROMPT)]

    def connect_serial(self, path, timeout=20):
        """A further serial line, on a socket that an argument of QEMU's made: has wait(regex, timeout) and send(data)."""
        connection = self._connect(path, timeout)
        self.further = getattr(self, 'further', []) + [connection]
        return Console(connection.fileno(), connection.fileno(), self.log_path + '.' + os.path.basename(path))

    # QEMU's monitor

    def qmp(self, execute, **arguments):
        if self.qmp_file is None:
            self._connect_qmp()
        message = {'execute': execute}
        if arguments:
            message['arguments'] = arguments
        self.qmp_file.write(json.dumps(message).encode() + b'\n')
        self.qmp_file.flush()
        while True:
            line = self.qmp_file.readline()
            if not line:
                raise Failed('the emulator closed its monitor')
            answer = json.loads(line)
            if 'error' in answer:
                raise Failed(f'{execute}: {answer["error"]["desc"]}')
            if 'return' in answer:
                return answer['return']

    def _connect(self, path, timeout=20):
        deadline = time.monotonic() + timeout
        connection = socket.socket(socket.AF_UNIX)
        while True:
            try:
                connection.connect(path)
                return connection
            except OSError as error:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise Failed(f'{path}: {error}; the log may say why') from None
                time.sleep(0.05)

    def _connect_qmp(self):
        connection = self._connect(self.qmp_path)
        connection.settimeout(60)
        self.qmp_file = connection.makefile('rwb')
        self.qmp_file.readline()
        self.qmp('qmp_capabilities')

    def monitor(self, line):
        """A line for QEMU's human monitor; its answer."""
        return self.qmp('human-monitor-command', **{'command-line': line})

    # Keyboard and screen

    def keys(self, *combinations):
        """QEMU's key names, '-' between those that go together: keys('ctrl-c', 'shift-pgup', 'ret')."""
        for combination in combinations:
            self.qmp('send-key', keys=[{'type': 'qcode', 'data': key} for key in combination.split('-')],
                     **{'hold-time': 20})
            time.sleep(0.03)  # the key's release: QEMU sends it later, and drops keys beyond its queue

    def type_text(self, text):
        for character in text:
            if character in SHIFTED:
                character = SHIFTED[character]
                self.keys('shift-' + KEY_NAMES.get(character, character))
            elif character.isupper():
                self.keys('shift-' + character.lower())
            else:
                self.keys(KEY_NAMES.get(character, character))

    def screen_text(self):
        """The screen's lines, read with Solera's font; what is no glyph of it is a NUL."""
        path = os.path.join(self.directory, f'{self.name}.ppm')
        self.qmp('screendump', filename=path)
        return Screen(path).lines()

    def wait_screen(self, pattern, timeout=60):
        """Waits until some line of the screen matches; returns the match."""
        deadline = time.monotonic() + timeout
        expression = re.compile(pattern)
        while True:
            lines = self.screen_text()
            for line in lines:
                match = expression.search(line)
                if match:
                    return match
            if time.monotonic() > deadline:
                shown = '\n'.join(line for line in lines if line).replace('\0', '?')
                raise Failed(f'no {pattern!r} on the screen within {timeout} s; it shows:\n{shown}')
            time.sleep(0.2)

    # The end

    def wait_exit(self, timeout=30):
        """Waits until the machine turned itself off (or reset: QEMU ends then, too); returns the exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f'the machine still runs after {timeout} s') from None

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.qmp_file:
            self.qmp_file.close()
        if os.path.exists(self.qmp_path):
            os.unlink(self.qmp_path)


class Bochs:
    """Bochs (Intel VMX), by tools/solera-run --bochs. The same serial interface as Machine's; no keyboard, no screen."""

    def __init__(self, directory, name, image=None, uefi=False, smp=1, memory='512M', cpu=None):
        self.name, self.directory = name, directory
        command = [os.path.join(TOP, 'tools', 'solera-run'), '--bochs', '--smp', str(smp), '--memory', memory]
        command += ['--image', image] if image else []
        command += ['--uefi'] if uefi else []
        command += ['--cpu', cpu] if cpu else []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        bufsize=0)
        self.log_path = os.path.join(directory, f'{name}.log')
        self.console = Console(self.process.stdout.fileno(), self.process.stdin.fileno(), self.log_path)

    PATIENCE = 4  # deadlines are written for QEMU

    def wait(self, pattern, timeout=60, panic_is_failure=True):
        return self.console.wait(pattern, self.PATIENCE * timeout, panic_is_failure)

    send = Machine.send
    send_line = Machine.send_line
    wait_prompt = Machine.wait_prompt
    command = Machine.command
    wait_exit = Machine.wait_exit

    def cpu_seconds(self):
        """Processor time that Bochs has used: what an idle machine of ours would have taken, however busy this one is."""
        total = 0.0
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii') as children:
            for child in children.read().split():
                with open(f'/proc/{child}/stat', encoding='ascii') as stat:
                    fields = stat.read().rpartition(')')[2].split()
                total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
        return total

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()  # bochs-run ends its Bochs and removes its files
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
