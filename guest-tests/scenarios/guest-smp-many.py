# SPDX-License-Identifier: MIT
"""More vCPUs than CPUs: eight on two CPUs, then three machines at once, each with a checksum load on all its vCPUs."""
import importlib.util
import os

FULL = True
TIME_LIMIT = 1800

_spec = importlib.util.spec_from_file_location('guest_smp', os.path.join(os.path.dirname(__file__), 'guest-smp.py'))
guest_smp = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(guest_smp)


def run(boot):
    names = ('eight', 'two', 'four')
    shapes = {'eight': (1, 8, 1), 'two': (2, 1, 1), 'four': (1, 2, 2)}
    image = boot.image(files={guest_smp.KERNEL: 'demo-vmlinuz', guest_smp.INITRD: 'demo-initrd'},
                       domains=[guest_smp.domain(boot.directory, name, *shapes[name], memory=160) for name in names])
    m = boot(image=image, memory='2G', smp=2)
    m.wait_prompt(120)
    for name in names:
        cpus = shapes[name][0] * shapes[name][1] * shapes[name][2]
        m.send_line(f'start {name} --console')
        m.wait(f'smp: Brought up 1 node, {cpus} CPUs', 400)
        m.wait(r'# $', 400)
        guest_smp.guest(m, guest_smp.WORK, f'^1\n{guest_smp.SUM}', 240)
        guest_smp.leave(m)
    # All at once: the work goes on while nobody looks.
    for name in names:
        m.send_line(f'console {name}')
        m.wait('Escape character')
        m.send('(' + guest_smp.WORK + ') >/tmp/done 2>&1 &\r')
        m.wait(r'# $', 60)
        guest_smp.leave(m)
    for name in names:
        m.send_line(f'console {name}')
        m.wait('Escape character')
        guest_smp.guest(m, 'wait; cat /tmp/done', f'^1\n{guest_smp.SUM}', 400)
        guest_smp.guest(m, 'dmesg | grep -ci "lockup\\|stall"', '^0$', 120)
        guest_smp.leave(m)
    for name in names:
        assert m.command(f'destroy {name}') == f"Domain '{name}' destroyed\n\n"
