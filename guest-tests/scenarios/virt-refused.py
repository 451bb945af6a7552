# SPDX-License-Identifier: MIT
"""CPUs that Solera cannot run guests on: VT-x without EPT, without unrestricted guest, no AMD-V. Refused in words, with a prompt."""
import re

FULL = True
TIME_LIMIT = 400
DOMAIN = "<domain type='kvm'><name>victim</name><memory unit='MiB'>64</memory><os><type>hvm</type>" \
         "<kernel>/solera/kernel</kernel></os></domain>"


def refused(m, logged, verdict):
    """The prompt comes, the log and virt-host-validate say why, and `start` does, too."""
    m.wait_prompt(90)
    log = m.command('dmesg')
    assert re.search(logged, log), log
    verdicts = m.command('virt-host-validate')
    assert re.search(verdict + r'.*: FAIL', verdicts), verdicts
    answer = m.command('start victim')
    assert "error: Failed to start domain 'victim'" in answer, answer
    assert re.search(r'error: .*virt-host-validate|error: .*(VT-x|AMD-V)', answer), answer
    assert 'shut off (failed)' in m.command('domstate victim --reason')
    assert 'CPU(s):' in m.command('nodeinfo')


def run(boot):
    path = boot.directory + '/victim.xml'
    with open(path, 'w') as file:
        file.write(DOMAIN)
    files = {'build/guests/hello.gtest': 'kernel'}
    iso = boot.image(files=files, domains=[path], kind='iso')
    for cpu, logged, verdict in (
            ('core2_penryn_t9600', r'no EPT|extended page tables', 'extended page tables'),
            ('corei5_lynnfield_750', r'unrestricted guest', 'unrestricted guests')):
        m = boot.bochs(image=iso, cpu=cpu)
        refused(m, logged, verdict)
        m.stop()
    m = boot(image=boot.image(files=files, domains=[path]), cpu='EPYC,-svm', memory='512M')
    refused(m, r'domains cannot run here: .*virtualization', 'hardware virtualization')
    m.send_line('poweroff')
    m.wait_exit(60)
