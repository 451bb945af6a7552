# SPDX-License-Identifier: MIT
"""200 times start and destroy of a machine of four vCPUs, while two others of four compute: no page is lost, no CPU, no sum."""
import importlib.util
import os

FULL = True
TIME_LIMIT = 1500
CYCLES = 200

_spec = importlib.util.spec_from_file_location('smp_soak', os.path.join(os.path.dirname(__file__), 'smp-soak.py'))
smp_soak = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(smp_soak)


def run(boot):
    names = ('load0', 'load1', 'cycle')
    domains = [smp_soak.write_domain(boot.directory, name, 4) for name in names]
    m = boot(image=boot.image(files={'build/guests/smp_work.kernel': 'work'}, domains=domains), memory='1G', smp=2)
    m.wait_prompt(120)
    for name in names:
        m.command(f'start {name}')
    for name in names:
        m.command(f'destroy {name}')
    before = smp_soak.balance(m)
    for name in names[:2]:
        m.command(f'start {name}')
    for i in range(CYCLES):
        assert m.command('start cycle', 60) == "Domain 'cycle' started\n\n", i
        assert m.command('destroy cycle', 60) == "Domain 'cycle' destroyed\n\n", i
    seen = {}
    for name in names[:2]:
        smp_soak.check_sums(m, name, seen)
    print('      sums checked, by CPU of the machine:', dict(sorted(seen.items())))
    assert len(seen) == 4, seen
    smp_soak.every_cpu_runs(m, 'load0')
    for name in names[:2]:
        m.command(f'destroy {name}')
    after = smp_soak.balance(m)
    assert after == before, f'after {CYCLES} cycles: {before} -> {after}'
    m.send_line('poweroff')
    m.wait_exit(60)
