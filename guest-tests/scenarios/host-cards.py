# SPDX-License-Identifier: MIT
"""The host's network cards, each kind QEMU has: found and named at boot, link by the emulator's monitor, frames from a wire that the scenario holds."""
import os
import re
import socket
import subprocess
import time

TIME_LIMIT = 300
# QEMU's device, the driver that takes it, the model in the log; all on one machine.
KINDS = [
    ('virtio-net-pci', 'virtio-net', 'virtio network card'),
    ('virtio-net-pci,disable-legacy=on,mq=off,mrg_rxbuf=off,csum=off', 'virtio-net', 'virtio network card'),
    ('e1000', 'e1000', 'Intel 82540EM'),
    ('e1000-82545em', 'e1000', 'Intel 82545EM'),
    ('e1000e', 'e1000e', 'Intel 82574L'),
]


class Wire:
    """The far end of a card's cable: each datagram is a frame."""

    def __init__(self, number):
        self.mac = bytes((0x52, 0x54, 0, 0, 0, 0x10 + number))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.settimeout(20)
        free = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        free.bind(('127.0.0.1', 0))
        self.card = free.getsockname()
        free.close()

    def args(self, number, device):
        ours = self.socket.getsockname()
        return ['-netdev', f'socket,id=n{number},udp={ours[0]}:{ours[1]},localaddr={self.card[0]}:{self.card[1]}',
                '-device', f'{device},id=card{number},netdev=n{number},mac={self.mac_text()},addr={number + 8:x}']

    def mac_text(self):
        return ':'.join(f'{byte:02x}' for byte in self.mac)

    def send(self, destination, size, count=1):
        for _ in range(count):
            self.socket.sendto((destination + b'\x52\x54\0\0\0\1\x88\xb5').ljust(size, b'x'), self.card)


def xml_is_valid(boot, text):
    path = os.path.join(boot.directory, 'card.xml')
    with open(path, 'w', encoding='utf-8') as out:
        out.write(text)
    subprocess.run(['virt-xml-validate', path, 'interface'], check=True, stdout=subprocess.DEVNULL)


def stat(m, name):
    return dict(line.split(' ', 2)[1:] for line in m.command('iface-stat ' + name).splitlines() if line.startswith(name + ' '))


def wait_stat(m, name, field, value):
    deadline = time.monotonic() + 30
    while int(stat(m, name)[field]) < value:
        assert time.monotonic() < deadline, f'{name}: {field} stays below {value}: {stat(m, name)}'


def run(boot):
    wires = [Wire(number) for number in range(len(KINDS))]
    m = boot(smp=2, args=[word for number, wire in enumerate(wires) for word in wire.args(number, KINDS[number][0])])
    m.wait_prompt(120)
    log = m.command('dmesg')
    for number, (_device, driver, model) in enumerate(KINDS):
        name, mac = f'eth{number}', wires[number].mac_text()
        speed = '' if driver == 'virtio-net' else ' 1000 Mb/s'
        assert f'{name}: {model}, {mac}, link up{speed}' in log, log
        assert f'<name>{driver}</name>' in m.command(f'nodedev-dumpxml pci_0000_00_{number + 8:02x}_0')
        assert m.command('iface-mac ' + name).strip() == mac and m.command('iface-name ' + mac).strip() == name
        xml = m.command('iface-dumpxml ' + name)
        assert f"<mac address='{mac}'/>" in xml and xml == m.command('iface-dumpxml ' + mac), xml
        xml_is_valid(boot, xml)
    rows = re.findall(r'^ (eth\d) +active +([0-9a-f:]{17})$', m.command('iface-list'), re.M)
    assert rows == [(f'eth{number}', wire.mac_text()) for number, wire in enumerate(wires)], rows
    assert "error: Interface not found: no interface with matching name 'eth9'" in m.command('iface-mac eth9')

    # A cable that is pulled and put back, on each.
    for number in range(len(KINDS)):
        m.qmp('set_link', name=f'card{number}', up=False)
        m.wait(rf'eth{number}: .*, link down', 30)
        m.send('\r')
        m.wait_prompt()
        assert re.findall(r'^ (eth\d) +inactive', m.command('iface-list --inactive'), re.M) == [f'eth{number}']
        m.qmp('set_link', name=f'card{number}', up=True)
        m.wait(rf'eth{number}: .*, link up', 30)
    m.send('\r')
    m.wait_prompt()

    # Frames for the card's own address, of all sizes and more than a ring holds; what is too long is none.
    for number, wire in enumerate(wires):
        name = f'eth{number}'
        before = stat(m, name)
        for size in (60, 128, 129, 1514):
            wire.send(wire.mac, size)
        wait_stat(m, name, 'rx_packets', int(before['rx_packets']) + 4)
        for turn in range(8):
            wire.send(wire.mac, 1000, 100)
            wait_stat(m, name, 'rx_packets', int(before['rx_packets']) + 4 + 50 * (turn + 1))
        after = stat(m, name)
        assert int(after['rx_bytes']) - int(before['rx_bytes']) > 400 * 1000, after
        assert after['device_errs'] == '0' and after['resets'] == '0', after

    # A link that flaps: the log says so now and then, the last word is the true one.
    for _ in range(200):
        for up in (False, True):
            m.qmp('set_link', name='card0', up=up)
            m.qmp('set_link', name='card4', up=up)
    wait_stat(m, 'eth0', 'link_changes', 5)
    for name in ('eth0', 'eth4'):  # the 82574 negotiates anew for half a second: it may not have seen more than one
        deadline = time.monotonic() + 30
        while not re.search(rf'^ {name} +active', m.command('iface-list'), re.M):
            assert time.monotonic() < deadline, f'{name} stays down: ' + m.command('iface-stat ' + name)
    assert m.command('dmesg').count('eth0: ') < 200
    m.send_line('poweroff --force')
    m.wait_exit(60)

    # Sending: the host's own DHCP through QEMU's user network, on each programming model.
    for device in ('virtio-net-pci', 'e1000', 'e1000e'):
        m = boot(args=['-netdev', 'user,id=u', '-device', f'{device},netdev=u'])
        m.wait(r'eth0: address 10\.0\.2\.15/24', 120)
        m.wait_prompt()
        found = stat(m, 'eth0')
        assert int(found['tx_packets']) >= 2 and int(found['rx_packets']) >= 2, found
        assert found['device_errs'] == found['tx_drop'] == found['resets'] == '0' and found['used_by'] == 'the host', found
        m.send_line('poweroff --force')
        m.wait_exit(60)
