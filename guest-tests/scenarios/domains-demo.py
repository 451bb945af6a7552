# SPDX-License-Identifier: MIT
"""The demo machine in a person's hands: console, Ctrl-], suspend, resume, shutdown, start, destroy, a second one beside it."""

TIME_LIMIT = 420
SECOND = '''<domain type='kvm'><name>second</name><title>pasted</title><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/demo-vmlinuz</kernel><initrd>/solera/demo-initrd</initrd>
<cmdline>console=ttyS0 quiet</cmdline></os><features><acpi/></features>
<devices><serial type='pty'/></devices></domain>'''


def state(m, name):
    return m.command(f'domstate {name} --reason').strip()


def wait_state(boot, m, name, wanted, tries=100):
    import time
    for _ in range(tries):
        if state(m, name) == wanted:
            return
        time.sleep(0.5)
    raise boot.Failed(f'{name} is {state(m, name)}, not {wanted}')


def enter(m, name):
    m.send_line(f'console {name}')
    m.wait(f"Connected to domain '{name}'\n")
    m.wait(r'Escape character is \^\]')


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def run(boot):
    m = boot(image='build/demo.img', memory='2G')
    m.wait_prompt(120)
    session(boot, m, 'vmcb')


def session(boot, m, control_block, at_shell=lambda: None):
    """From the prompt to power-off; domains-demo-vmx does the same in Bochs. at_shell is called at the guest's first prompt."""
    assert "domain 'demo' started by itself" in m.command('dmesg')

    # What the guest wrote while nobody looked is there, and it hears what is typed.
    enter(m, 'demo')
    m.wait('Solera demo: Linux', 120)
    m.wait(r'demo:/root# ', 60)
    at_shell()
    m.send('echo $((6 * 7)) in the guest\r')
    m.wait(r'^42 in the guest', 30)
    m.send('ls /proc/1/cmdline && tr -d "\\0" </proc/uptime\r')
    m.wait(r'^\d+\.\d+', 30)
    leave(m)

    # Typed at the prompt, nothing reaches the guest; suspended, it does not answer; resumed, it goes on.
    assert m.command('suspend demo') == "Domain 'demo' suspended\n\n"
    assert state(m, 'demo') == 'paused (user)'
    assert 'paused' in m.command('list')
    time_paused = m.command('dominfo demo')
    assert m.command('dominfo demo') == time_paused, 'a paused machine uses CPU time'
    assert "domain 'demo' not running" in m.command('suspend demo')
    assert m.command('resume demo') == "Domain 'demo' resumed\n\n"
    assert state(m, 'demo') == 'running (unpaused)'
    assert "error: Domain is already active" in m.command('start demo')

    # A second machine from what is pasted; both consoles stay apart.
    m.send_line('create')
    m.wait('Paste the domain')
    m.send(SECOND.replace('\n', '\r') + '\r')
    m.wait("^Domain 'second' created from pasted text", 30)
    m.wait_prompt()
    enter(m, 'second')
    m.wait('Solera demo: Linux', 120)
    m.wait(r'demo:/root# ', 60)
    m.send('echo "I am" second; grep MemTotal /proc/meminfo\r')
    m.wait(r'^I am second', 30)
    memory = int(m.wait(r'^MemTotal: +(\d+) kB', 30).group(1))
    assert 100000 < memory < 192 * 1024, memory
    leave(m)
    enter(m, 'demo')
    m.send('\recho "I am" demo\r')
    m.wait(r'^I am demo', 60)
    leave(m)
    listed = m.command('list')
    assert listed.count('running') == 2, listed

    # dumpxml is what libvirt's schema accepts.
    dump = boot.directory + '/dump.xml'
    with open(dump, 'w') as file:
        file.write(m.command('dumpxml second'))
    import subprocess
    subprocess.run(['virt-xml-validate', dump, 'domain'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # shutdown is the guest's own doing; a transient machine is then gone, a defined one is shut off.
    assert m.command('shutdown second') == "Domain 'second' is being shutdown\n\n"
    assert m.command('shutdown demo') == "Domain 'demo' is being shutdown\n\n"
    wait_state(boot, m, 'demo', 'shut off (shutdown)')
    wait_state(boot, m, 'second', "error: failed to get domain 'second'")
    before = m.command('nodememstats')

    assert m.command('start demo') == "Domain 'demo' started\n\n"
    enter(m, 'demo')
    m.wait('Solera demo: Linux', 120)  # before it stands what the last run still said
    m.wait(r'demo:/root# ', 120)
    leave(m)
    for line in ('exits demo', 'domstats demo', 'vcpuinfo demo', 'vcpu-regs demo', f'{control_block} demo', 'vmcheck demo', 'npt-walk demo 0x1000',
                 'gva-walk demo 0x1000', 'trace demo HLT --count 2', 'domtime demo'):
        assert 'error: ' not in m.command(line), line
    assert m.command('reset demo') == "Domain 'demo' was reset\n\n"
    enter(m, 'demo')
    m.wait('Solera demo: Linux', 120)
    m.wait(r'demo:/root# ', 120)
    m.send('poweroff -f\r')
    m.wait("Domain 'demo' has stopped", 60)
    m.wait_prompt()
    wait_state(boot, m, 'demo', 'shut off (shutdown)')  # the console may say so a moment before the state does
    assert m.command('start demo --paused') == "Domain 'demo' started\n\n"
    assert state(m, 'demo') == 'paused (starting up)'
    assert m.command('destroy demo') == "Domain 'demo' destroyed\n\n"
    assert state(m, 'demo') == 'shut off (destroyed)'
    assert m.command('nodememstats') == before, 'pages were lost:\n' + before + m.command('nodememstats')
    m.send_line('poweroff')
    m.wait_exit(60)
