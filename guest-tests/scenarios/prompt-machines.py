# SPDX-License-Identifier: MIT
"""The prompt on each kind of machine: q35 and pc, 256 MiB to 64 GiB, 1 to 8 CPUs, with and without screen and keyboard."""

FULL = True
TIME_LIMIT = 1500


def run(boot):
    for machine in ('q35', 'pc'):
        for smp, memory, screen, keyboard in ((1, '256M', True, True), (2, '512M', False, True), (3, '2G', True, False),
                                              (4, '5G', False, False), (8, '64G', True, True)):
            what = f'{machine}, {smp} CPUs, {memory}, screen {screen}, keyboard {keyboard}'
            m = boot(machine=machine, smp=smp, memory=memory, screen=screen, keyboard=keyboard)
            m.wait_prompt(180)
            info = m.command('nodeinfo')
            size = int(info.split('Memory size:')[1].split()[0])
            wanted = int(memory[:-1]) * (1024 ** 2 if memory[-1] == 'G' else 1024)
            assert wanted * 0.85 < size <= wanted, f'{what}: {info}'
            if screen:
                m.wait_screen('^solera #')
            if screen and keyboard:
                m.type_text('version\n')
                m.wait_screen('^Running hypervisor')
            m.send_line('poweroff')
            m.wait_exit(60)
            m.stop()
