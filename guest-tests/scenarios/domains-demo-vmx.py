# SPDX-License-Identifier: MIT
"""The demo machine under VT-x, in Bochs: prompt and Debian's shell in time by GRUB and by OVMF, then domains-demo's whole session."""
import importlib.util
import os

FULL = True
TIME_LIMIT = 3000
# Processor time of the emulator: on a machine with nothing else to do, the time that a person waits.
IN_TIME = ((False, 'build/demo.iso', 20, 180), (True, 'build/demo.img', 60, 240))


def run(boot):
    spec = importlib.util.spec_from_file_location('demo', os.path.join(os.path.dirname(__file__), 'domains-demo.py'))
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    for uefi, image, prompt_s, shell_s in IN_TIME:
        m = boot.bochs(image=image, uefi=uefi, memory='1024M')
        m.wait_prompt(prompt_s)
        to_prompt = m.cpu_seconds()
        assert to_prompt <= prompt_s, f'the prompt took {to_prompt:.1f} s, not {prompt_s}'

        def at_shell():
            to_shell = m.cpu_seconds()
            print(f'      {"OVMF" if uefi else "BIOS"}: prompt after {to_prompt:.1f} s, shell after {to_shell:.1f} s')
            assert to_shell <= shell_s, f'the shell took {to_shell:.1f} s, not {shell_s}'

        if uefi:
            demo.enter(m, 'demo')
            m.wait(r'demo:/root# ', shell_s)
            at_shell()
            m.stop()
        else:
            demo.session(boot, m, 'vmcs', at_shell)
