# SPDX-License-Identifier: MIT
"""What the scheduler does, seen: vtop on serial and screen, cpu-stats by CPU, and a trace that tools/sched-timeline draws."""

import importlib.util
import os
import re
import subprocess

TIME_LIMIT = 420

_spec = importlib.util.spec_from_file_location('sched_shares', os.path.join(os.path.dirname(__file__), 'sched-shares.py'))
sched_shares = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sched_shares)


def per_cpu(m, name):
    text = m.command(f'cpu-stats {name}')
    cpus = re.findall(r'CPU(\d+):\n\tcpu_time +(\d+\.\d{9}) seconds\n\tvcpu_time +(\d+\.\d{9}) seconds\n', text)
    total = re.search(r'Total:\n\tcpu_time +(\S+) seconds\n\tuser_time +(\S+) seconds\n\tsystem_time +(\S+) seconds', text)
    return [float(cpu[1]) for cpu in cpus], [float(part) for part in total.groups()]


def run(boot):
    path = os.path.join(boot.directory, 'spin.elf')
    with open(path, 'wb') as file:
        file.write(sched_shares.kernel(sched_shares.SPIN))
    domains = []
    for name in ('red', 'green', 'blue'):
        domains.append(os.path.join(boot.directory, name + '.xml'))
        with open(domains[-1], 'w') as file:
            file.write(sched_shares.DOMAIN.format(name=name, kernel='spin.elf', tune=''))
    m = boot(image=boot.image(files={path: 'spin.elf'}, domains=domains), memory='1G', smp=2)
    m.wait_prompt(120)
    for name in ('red', 'green', 'blue'):
        assert f"Domain '{name}' started" in m.command(f'start {name}')
    assert 'vcpu_quota     : 30000' in m.command('schedinfo blue vcpu_quota=30000 --live')

    # By CPU: the parts are the whole, and a pinned machine has nothing elsewhere.
    m.command('vcpupin red 0 0')
    before, _ = per_cpu(m, 'red')
    parts, total = per_cpu(m, 'red')
    assert len(parts) == 2 and abs(sum(parts) - total[0]) < 0.5, (parts, total)
    assert parts[1] == before[1] and parts[0] > before[0], (before, parts)
    assert abs(total[0] - total[1] - total[2]) < 1e-6, total
    assert 'CPU1:' not in m.command('cpu-stats red --start 0 --count 1')
    assert 'Start CPU 2 is out of range (min: 0, max: 1)' in m.command('cpu-stats red --start 2')
    m.command('vcpupin red 0 0-1')

    # vtop leaves with q and with Ctrl-C, and the prompt is back.
    m.send_line('vtop')
    m.wait(r'3 machines; of all CPUs +\d+\.\d % in guests')
    m.wait(r'blue +- +running +- +(\d+)\.\d')
    m.send('q')
    m.wait_prompt()
    m.send_line('vtop blue --interval 2')
    m.wait(r'1 machines; .*2\d\d\d ms|1 machines; of all', 30)
    m.send(b'\x03')
    m.wait_prompt()
    assert 'error: --interval: from 1 to 3600 seconds' in m.command('vtop --interval 0')
    assert len(re.findall(r'machines; of all', m.command('vtop --count 2'))) == 2
    m.type_text('vtop\n')
    m.wait_screen(r'3 machines; of all CPUs')
    m.wait_screen(r'blue +- +running')
    m.type_text('q')
    m.wait_screen(r'solera #')

    # A trace: all that the tool needs is there, and it agrees with the caps.
    text = m.command('sched-trace 500', 120)
    lines = re.findall(r'^\d+\.\d{9} \d .*$', text, re.M)
    assert text.count('# sched-trace 1:') == 1 and re.search(r'^# end 0\.[5-9]\d+ lost 0$', text, re.M), text[-200:]
    kinds = {line.split()[2] for line in lines}
    assert kinds >= {'runs', 'switch', 'wake', 'throttle', 'release'}, kinds
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    trace = os.path.join(boot.directory, 'trace.txt')
    with open(trace, 'w') as file:
        file.write(text)
    svg = subprocess.run(['tools/sched-timeline', trace], check=True, capture_output=True, text=True).stdout
    assert 'blue/vcpu0 capped' in svg and 'red/vcpu0 run' in svg and 'CPU 1' in svg
    print(f'      {len(lines)} events of half a second, {len(svg)} bytes of picture')

    # Begun and ended by hand; one at a time.
    assert 'Tracing' in m.command('sched-trace --start --records 64')
    assert 'a trace is on already' in m.command('sched-trace')
    assert re.search(r'^# end \S+ lost \d+$', m.command('sched-trace --stop', 60), re.M)
    assert re.search(r'^# end \S+ lost \d+$', m.command('sched-trace --dump', 60), re.M)
    for name in ('red', 'green', 'blue'):
        m.command(f'destroy {name}')
