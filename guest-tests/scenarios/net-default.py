# SPDX-License-Identifier: MIT
"""Two unmodified Linux machines on the network `default`: addresses by DHCP with no command typed, pings between all, a large transfer, link, figures, what bad input gets."""

TIME_LIMIT = 420
DOMAIN = '''<domain type='kvm'><name>NAME</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices><interface type='network'><mac address='52:54:00:00:00:NN'/><source network='default'/><model type='virtio'/></interface>
<serial type='pty'/></devices></domain>'''


def guest(m, command, expected, timeout=60):
    m.send(command + '; echo "= $?"\r')
    found = m.wait(expected, timeout)
    m.wait('^= 0', timeout)
    return found.group(0)


def boot_guest(m, name):
    """Starts it and returns the address that it says it got."""
    m.send_line('start ' + name)
    m.wait("Domain '%s' started" % name, 60)
    m.wait_prompt()
    m.send_line('console ' + name)
    address = m.wait(r'Network: eth0 has (192\.168\.122\.\d+)\r?\n', 120).group(1)
    m.send('\r')
    m.wait(r'demo:/root# ', 60)
    return address


def leave(m):
    m.send(b'\x1d')
    m.wait_prompt()


def run(boot):
    import os
    domains = []
    for number, name in enumerate(('one', 'two'), 0x11):
        xml = os.path.join(boot.directory, name + '.xml')
        with open(xml, 'w') as file:
            file.write(DOMAIN.replace('NAME', name).replace('NN', '%02x' % number))
        domains.append(xml)
    bad = os.path.join(boot.directory, 'bad.net')
    with open(bad, 'w') as file:
        file.write("<network><name>bad</name>\n<ip address='192.168.122.9' netmask='255.255.255.0'/></network>")
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd', bad: 'bad.net'},
                              domains=domains), memory='1G')
    m.wait_prompt(120)
    assert 'default   active   yes         yes' in m.command('net-list')
    assert "<range start='192.168.122.2' end='192.168.122.254'/>" in m.command('net-dumpxml default')
    assert "overlaps with network 'default'" in m.command('net-define bad.net')
    assert 'network is already active' in m.command('net-start default')

    one = boot_guest(m, 'one')
    guest(m, 'ping -c 3 -q 192.168.122.1', '3 packets received')
    leave(m)
    two = boot_guest(m, 'two')
    assert one != two, one
    guest(m, 'ping -c 3 -q -s 8000 ' + one, '3 packets received')
    guest(m, 'nslookup one 2>&1; nslookup nix 2>&1 | tail -n 1; true', one + '\n')
    # A web server on one side, five megabytes that no pattern repeats, and their sum: TCP in large segments, not cut.
    total = guest(m, 'mkdir -p /tmp/w; dd if=/dev/urandom of=/tmp/w/f bs=1M count=5 2>/dev/null; httpd -h /tmp/w; md5sum </tmp/w/f | cut -c1-32', '^[0-9a-f]{32}')
    leave(m)
    m.send_line('console one')
    m.wait('scape character', 30)
    m.send('\r')
    guest(m, 'wget -q -O /tmp/f http://%s/f && md5sum </tmp/f' % two, '^' + total, 120)
    # In another's name nothing goes out.
    guest(m, 'ip addr add 192.168.122.77/24 dev eth0; ! ping -c 1 -W 2 -I 192.168.122.77 192.168.122.1 >/dev/null && echo not passed', '^not passed')
    leave(m)

    leases = m.command('net-dhcp-leases default')
    assert one + '/24' in leases and two + '/24' in leases and '52:54:00:00:00:11' in leases, leases
    card = next(word for word in m.command('domiflist one').split() if word.startswith('vnet'))
    assert one + '/24' in m.command('domifaddr one')
    stat = dict(line.split()[1:] for line in m.command('domifstat one ' + card).splitlines() if line.startswith(card))
    assert int(stat['rx_bytes']) > 5 << 20 and int(stat['tx_packets']) > 10 and int(stat['tx_drop']) >= 1, stat
    # Five megabytes cut into frames of 1,500 bytes would be 3,620; how many fewer depends on what the sender's TCP gathers.
    assert int(stat['rx_packets']) < 3000, stat
    assert '4 packets transmitted, 4 received' in m.command('ping ' + one, timeout=30)
    assert 'updated successfully' in m.command('domif-setlink one %s down' % card)
    assert card + ' down' in m.command('domif-getlink one ' + card)
    assert '1 packets transmitted, 0 received' in m.command('ping %s --count 1' % one, timeout=30)
    assert 'updated successfully' in m.command('domif-setlink one %s up' % card)
    assert 'Network default destroyed' in m.command('net-destroy default')
    assert "network 'default' is not active" in m.command('net-dhcp-leases default')
    for name in ('one', 'two'):
        m.send_line('destroy ' + name)
        m.wait("Domain '%s' destroyed" % name, 30)
        m.wait_prompt()
    m.send_line('start one')
    m.wait("network 'default' is not active", 30)
    m.wait_prompt()
    assert 'Network default started' in m.command('net-start default')
