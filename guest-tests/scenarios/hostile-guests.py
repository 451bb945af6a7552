# SPDX-License-Identifier: MIT
"""Guests that mean harm (guest-tests/machines/hostile.c), each beside one that works: only their own machine breaks."""
import re
import time

from scenario_machine import Failed

FULL = True
TIME_LIMIT = 600
MULTIPLIER, INCREMENT, MODULUS = 6364136223846793005, 1442695040888963407, 1 << 64
WORDS = 32 << 20  # of one block: worker.c

# What becomes of a machine that breaks: a triple fault is a reset, as on a PC, and on_reboot here says destroy.
ENDS = {
    'triple-fault': r'shut off \(shutdown\)',
    'jump': r'crashed \(panicked: executes at guest-physical d0000000, where there is no RAM\)',
    'tables': r'crashed \(panicked: page tables at guest-physical d0000000, where there is no RAM\)',
    'idt': r"crashed \(panicked: an event's delivery touches guest-physical d00000.., where there is no RAM\)",
    'stack': r'crashed \(panicked: an instruction at [0-9a-f]+ that is not emulated touched device memory\)',
    'divide': r'crashed \(panicked: an instruction at [0-9a-f]+ that is not emulated touched device memory\)',
}
FINISHES = {'msrs': 6, 'ports': 1, 'apics': 1, 'storm': 1}  # they survive: so many PASS lines
SPINS = ('exceptions', 'alignment', 'debug')  # they go on until they are destroyed
SPIN_SECONDS = 5  # of harm, not a wait for something


def domain(name, kernel, cmdline, more=''):
    return (f"<domain type='kvm'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type>"
            f'<kernel>/solera/{kernel}</kernel><cmdline>{cmdline}</cmdline></os><features><acpi/></features>{more}'
            "<devices><serial type='pty'/></devices></domain>")


def state_after(words):
    """The generator's state after so many words: its closed form, by squaring the step."""
    a, c, state = MULTIPLIER, INCREMENT, 1
    while words:
        if words & 1:
            state = (a * state + c) % MODULUS
        a, c = a * a % MODULUS, (a * c + c) % MODULUS
        words >>= 1
    return state


class Worker:
    def __init__(self, m):
        self.m, self.block = m, 0

    def check(self):
        """It went on since the last look, and all that it said is exact."""
        self.m.send_line('console worker')
        self.m.wait('Escape character')
        start = self.m.console.place
        # A line may have been cut in two where the last look ended: the second whole one is waited for.
        self.m.wait(r'(?s)^# block \d+ .*vectors \w+\n# block \d+ .*vectors \w+\n', 120)
        self.m.send(b'\x1d')
        self.m.wait_prompt()
        lines = re.findall(r'^# block (\d+) state ([0-9a-f]+) wrong (\d+) vectors (\w+)$',
                           self.m.console.text[start:self.m.console.place], re.M)
        for block, state, wrong, vectors in lines:
            assert (wrong, vectors) == ('0', 'whole'), (block, wrong, vectors)
            assert int(state, 16) == state_after(WORDS * int(block)), f'block {block} is wrong'
            assert int(block) > self.block, f'block {block} after {self.block}'
            self.block = int(block)


def state_of(m, name):
    return m.command(f'domstate {name} --reason').strip()


def free_kib(text):
    return int(re.search(r'free +: +(\d+) KiB', text).group(1))


def wait_done(m, passes):
    """A key every 20 s: QEMU loses the host's timer interrupt now and then (docs/testing.md), and a worker without exits hides it."""
    for left in range(7, -1, -1):
        try:
            return m.wait(rf'done: {passes} passed, 0 failed, 0 skipped', 20)
        except Failed:
            if not left:
                raise
            m.send('\r')


def wait_state(boot, m, name, wanted, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = state_of(m, name)
        if re.fullmatch(wanted, state):
            return state
        time.sleep(0.3)
    raise boot.Failed(f'{name} is {state}, not {wanted}')


def run(boot):
    domains = {'worker': domain('worker', 'worker.kernel', '')}
    for how in list(ENDS) + list(FINISHES) + list(SPINS) + ['halt']:
        domains[how] = domain(how, 'hostile.kernel', f'how={how}', '<on_reboot>destroy</on_reboot>')
    domains['random'] = domain('random', 'hostile.kernel', 'how=random', '<on_crash>restart</on_crash>')
    for action in ('restart', 'preserve'):
        domains[f'crash-{action}'] = domain(f'crash-{action}', 'hostile.kernel', 'how=divide', f'<on_crash>{action}</on_crash>')
    domains['resets'] = domain('resets', 'hostile.kernel', 'how=triple-fault')
    paths = []
    for name, text in domains.items():
        paths.append(f'{boot.directory}/{name}.xml')
        with open(paths[-1], 'w') as file:
            file.write(text)
    m = boot(image=boot.image(files={f'build/guests/{name}.kernel': f'{name}.kernel' for name in ('hostile', 'worker')},
                              domains=paths), memory='1G')
    m.wait_prompt(120)
    m.command('start worker')
    worker = Worker(m)
    worker.check()
    pages = m.command('nodememstats')

    for how, end in ENDS.items():
        assert f"Domain '{how}' started" in m.command(f'start {how}')
        state = wait_state(boot, m, how, end)
        info = m.command(f'dominfo {how}')
        if state.startswith('crashed'):
            why = re.search(r'panicked: (.*)\)', state).group(1)
            assert re.search(r'^State: +crashed$', info, re.M) and re.search(r'^Crash reason: +' + re.escape(why), info, re.M), info
            registers = m.command(f'vcpu-regs {how}')
            assert re.search(r'^RIP=0*[1-9a-f][0-9a-f]+ ', registers, re.M) and 'CR3 =' in registers, registers
        worker.check()

    for how, passes in FINISHES.items():
        m.send_line(f'start {how} --console')
        wait_done(m, passes)
        m.send(b'\x1d')
        m.wait_prompt()
        assert state_of(m, how) == 'running (booted)'
        m.command(f'destroy {how}')
        worker.check()

    for how in SPINS:
        m.send_line(f'start {how} --console')
        m.wait('# looping', 30)
        time.sleep(SPIN_SECONDS)
        m.send(b'\x1d')
        m.wait_prompt()
        assert state_of(m, how) == 'running (booted)'
        assert f"Domain '{how}' destroyed" in m.command(f'destroy {how}')
        worker.check()

    # Halted with interrupts off it costs nothing, and an NMI does not hurt.
    m.command('start halt')
    time.sleep(1)
    times = [m.command('domstats halt --cpu-total') for _ in range(2)]
    assert times[0] == times[1], times
    assert 'error' not in m.command('inject-nmi halt')
    m.command('destroy halt')

    # Random code: its machine ends in whatever way, and begins anew with other code.
    m.command('start random')
    time.sleep(4 * SPIN_SECONDS)
    assert re.fullmatch(r'running \((booted|crashed)\)', state_of(m, 'random')), state_of(m, 'random')
    worker.check()
    assert "Domain 'random' destroyed" in m.command('destroy random')
    crashes = re.findall(r"domain 'random' crashed: (.*)", m.command('dmesg'))
    print(f'      random code: {len(crashes)} lines of crashes, as: {crashes[-1] if crashes else "none"}')

    # on_crash and on_reboot that start it again: without end, and without washing out the log.
    for name, wanted in (('crash-restart', r'running \(crashed\)'), ('crash-preserve', r'crashed \(panicked: .*\)'),
                         ('resets', r'running \(\w+\)')):
        m.command(f'start {name}')
        time.sleep(SPIN_SECONDS)
        wait_state(boot, m, name, wanted)
        worker.check()
        assert f"Domain '{name}' destroyed" in m.command(f'destroy {name}')
    log = m.command('dmesg')
    assert "domain 'jump' crashed: executes at" in log, 'the log lost what was before the resets'
    lines = len(re.findall(r"domain 'resets' asked for a reset", log))
    assert 2 <= lines <= 2 * SPIN_SECONDS + 20, lines
    assert re.search(r"\(\d+ lines of this domain left out\) domain 'resets' asked for a reset \(triple fault\)", log)
    # What a machine took is back; its console keeps 64 KiB of what it said, and its trace a little, while it is defined.
    lost = free_kib(pages) - free_kib(m.command('nodememstats'))
    assert lost <= 72 * len(domains), f'{lost} KiB were lost'
    m.send_line('poweroff')
    m.wait_exit(60)
