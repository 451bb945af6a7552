# SPDX-License-Identifier: MIT
"""The same under VT-x, in Bochs: guest-state fields spoilt one by one; the checker and the CPU agree, another machine goes on."""
import importlib.util
import os

FULL = True
TIME_LIMIT = 900
ROWS = (
    ('Guest CR0', '0x80000011', 'guest_cr0'),
    ('Guest CR4', '0x20', 'guest_cr4'),
    ('Guest CS access rights', '0xa09a', 'guest_cs_type'),
    ('Guest SS access rights', '0xc091', 'guest_ss_type'),
    ('Guest TR access rights', '0x89', 'guest_tr_type'),
    ('Guest TR selector', '0x1c', 'guest_tr_ti'),
    ('Guest DS access rights', '0xc083', 'guest_s'),
    ('Guest ES access rights', '0xc013', 'guest_p'),
    ('Guest RFLAGS', '0', 'guest_rflags_reserved'),
    ('Guest RIP', '0x8000000000000000', 'guest_rip_canonical'),
    ('Guest GDTR limit', '0x10000', 'guest_tables_limit'),
    ('Guest IA32_PAT', '2', 'guest_pat'),
    ('Guest IA32_EFER', '0', 'guest_efer_lma'),
    ('Guest activity state', '7', 'activity_range'),
    ('Guest interruptibility state', '3', 'interruptibility_both'),
    ('VMCS link pointer', '0x1000', 'link_pointer'),
    ('Guest pending debug exceptions', '0x2000', 'pending_debug_reserved'),
)
# Bochs looks at these itself (it lets a non-canonical RIP in, for one).
BY_THE_CPU = ('Guest CR0', 'Guest CS access rights', 'Guest TR access rights', 'Guest RFLAGS', 'Guest IA32_EFER',
              'Guest activity state', 'Guest interruptibility state', 'Guest SS access rights', 'Guest GDTR limit')


def run(boot):
    spec = importlib.util.spec_from_file_location('entry_rules', os.path.join(os.path.dirname(__file__), 'entry-rules.py'))
    entry_rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry_rules)
    m = boot.bochs(image='build/demo.iso')
    entry_rules.session(boot, m, ROWS, BY_THE_CPU, 'VMCB')
