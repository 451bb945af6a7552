# SPDX-License-Identifier: MIT
"""Ten machines that compute, 1 to 4 vCPUs each, under random lifecycle commands: every sum is right, and nothing is lost at the end.

The length is SOLERA_SOAK_MINUTES (20), the sequence SOLERA_SOAK_SEED (printed, so that a run can be repeated).
"""
import os
import random
import re
import time

FULL = True
MINUTES = float(os.environ.get('SOLERA_SOAK_MINUTES', '20'))
TIME_LIMIT = int(MINUTES * 60) + 900
MACHINES = 10
STEPS, MULTIPLIER, INCREMENT, MASK = 1 << 18, 6364136223846793005, 1442695040888963407, (1 << 64) - 1
DOMAIN = '''<domain type='kvm'><name>{name}</name><memory unit='MiB'>16</memory><vcpu>{vcpus}</vcpu><os><type>hvm</type>
<kernel>/solera/work</kernel><cmdline>how=sum</cmdline></os><features><acpi/><apic/></features>
<devices><serial type='pty'/></devices></domain>'''


def state_after(cpu, blocks):
    """The generator of smp_work.c after so many blocks: steps are composed by doubling."""
    multiplier, increment, total_m, total_i = MULTIPLIER, INCREMENT, 1, 0
    steps = blocks * STEPS
    while steps:
        if steps & 1:
            total_m, total_i = total_m * multiplier & MASK, (total_i * multiplier + increment) & MASK
        multiplier, increment = multiplier * multiplier & MASK, (increment * multiplier + increment) & MASK
        steps >>= 1
    return (total_m * (cpu + 1) + total_i) & MASK


def write_domain(directory, name, vcpus):
    path = os.path.join(directory, name + '.xml')
    with open(path, 'w') as file:
        file.write(DOMAIN.format(name=name, vcpus=vcpus))
    return path


def check_sums(m, name, seen):
    """Looks at the console of a machine that is active; counts the lines that it found in `seen`, by CPU."""
    m.send_line(f'console {name}')
    m.wait('Escape character', 60)
    m.send(b'\x1d')
    text = m.wait(r'(?s)(.*)solera # $', 60).group(1).rstrip()
    text = text[:text.rfind('\n') + 1]  # the last line may be half of one: the guest was writing it
    for cpu, block, state in re.findall(r'cpu (\d+) block (\d+) state ([0-9a-f]+)\n', text):
        assert int(state, 16) == state_after(int(cpu), int(block)), (name, cpu, block, state)
        seen[int(cpu)] = seen.get(int(cpu), 0) + (int(block) > 0)
    assert 'FAIL' not in text, text


class Soak:
    def __init__(self, m, names, vcpus):
        self.m, self.names, self.vcpus, self.seen = m, names, vcpus, {}
        self.state = {name: 'shut off' for name in names}
        self.counts = {}

    def say(self, line, wanted):
        answer = self.m.command(line, 90)
        assert wanted in answer, (line, answer)
        verb = line.split()[0]
        self.counts[verb] = self.counts.get(verb, 0) + 1

    def destroy(self, name):
        self.say(f'destroy {name}', f"Domain '{name}' destroyed")
        self.state[name] = 'shut off'

    def step(self):
        name = random.choice(self.names)
        if self.state[name] == 'shut off':
            if random.random() < 0.2:
                count = random.randint(1, 4)
                self.say(f'setvcpus {name} {count} --config --maximum', '')
                self.vcpus[name] = count
            paused = random.random() < 0.2
            self.say(f'start {name}' + (' --paused' if paused else ''), f"Domain '{name}' started")
            self.state[name] = 'paused' if paused else 'running'
        elif self.state[name] == 'paused':
            if random.random() < 0.3:
                self.destroy(name)
            else:
                self.say(f'resume {name}', f"Domain '{name}' resumed")
                self.state[name] = 'running'
        else:
            random.choice([self.suspend, self.reset, self.destroy, self.tune, self.pin, self.look, self.look])(name)

    def suspend(self, name):
        self.say(f'suspend {name}', f"Domain '{name}' suspended")
        self.state[name] = 'paused'

    def reset(self, name):
        self.say(f'reset {name}', f"Domain '{name}' was reset")

    def tune(self, name):
        self.say(f'schedinfo {name} cpu_shares={random.randint(2, 8192)} --live', 'cpu_shares')
        quota = random.choice([-1, 20000, 60000])
        self.say(f'schedinfo {name} vcpu_quota={quota} --live', 'vcpu_quota')

    def pin(self, name):
        self.say(f'vcpupin {name} {random.randrange(self.vcpus[name])} {random.choice(["0", "1", "0-1"])} --live', '')
        self.say(f'emulatorpin {name} {random.choice(["0", "1", "0-1"])} --live', '')

    def look(self, name):
        check_sums(self.m, name, self.seen)
        assert self.m.command(f'domstate {name}').strip() == self.state[name], name
        self.counts['look'] = self.counts.get('look', 0) + 1


def balance(m):
    """What the host's allocators gave out. Slabs keep some empty pages, and stacks wait for the next thread (hv/vmap.c), so of both
    the live objects are counted: a thread is one."""
    uses = dict(re.findall(r'^(\w+) *: +(\d+)', m.command('nodememstats --uses'), re.M))
    return {name: int(uses[name]) for name in ('guests', 'nested', 'general', 'tables', 'dma', 'objects')}


def every_cpu_runs(m, name):
    """The host lost none: pinned to each in turn, a machine gets time there."""
    for cpu in range(2):
        m.command(f'vcpupin {name} 0 {cpu} --live')
        before = cpu_time(m, name, cpu)
        end = time.monotonic() + 60
        while cpu_time(m, name, cpu) <= before:
            assert time.monotonic() < end, f'CPU {cpu} of the host runs nothing'


def cpu_time(m, name, cpu):
    return float(re.search(r'vcpu_time +(\S+) seconds', m.command(f'cpu-stats {name} --start {cpu} --count 1')).group(1))


def run(boot):
    seed = int(os.environ.get('SOLERA_SOAK_SEED', random.randrange(1 << 32)))
    random.seed(seed)
    print(f'      seed {seed}, {MINUTES} minutes')
    names = [f'm{i}' for i in range(MACHINES)]
    vcpus = {name: 1 + i % 4 for i, name in enumerate(names)}
    domains = [write_domain(boot.directory, name, vcpus[name]) for name in names]
    m = boot(image=boot.image(files={'build/guests/smp_work.kernel': 'work'}, domains=domains), memory='1G', smp=2)
    m.wait_prompt(120)
    for name in names:  # what is made once and kept, is made now
        m.command(f'start {name}')
    for name in names:
        m.command(f'destroy {name}')
    before = balance(m)

    soak = Soak(m, names, vcpus)
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        soak.step()
    for name in names:
        if soak.state[name] == 'paused':
            m.command(f'resume {name}')
        if soak.state[name] != 'shut off':
            check_sums(m, name, soak.seen)
            soak.destroy(name)
    print('      ' + ', '.join(f'{verb} {count}' for verb, count in sorted(soak.counts.items())))
    print('      sums checked, by CPU of the machine:', dict(sorted(soak.seen.items())))
    assert soak.seen.get(0, 0) > 10 * MINUTES and len(soak.seen) == 4, soak.seen
    after = balance(m)
    assert after == before, f'what is used has changed: {before} -> {after}'
    m.command(f'start {names[0]}')
    every_cpu_runs(m, names[0])
    m.send_line('poweroff --force')
    m.wait_exit(90)
