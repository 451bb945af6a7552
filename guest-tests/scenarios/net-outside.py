# SPDX-License-Identifier: MIT
"""An unmodified Linux machine on the network `default` reaches the outside with no command typed: an address by DHCP, a name, a file by HTTP, and a web server of its own through a port forward."""
import hashlib
import http.server
import os
import re
import socket
import threading
import time
import urllib.request

TIME_LIMIT = 300
FILE_BYTES = 3 << 20
NAMES = ('one',)
DOMAIN = '''<domain type='kvm'><name>NAME</name><memory unit='MiB'>192</memory>
<os><type>hvm</type><kernel>/solera/vmlinuz</kernel><initrd>/solera/initrd</initrd>
<cmdline>console=ttyS0 quiet mitigations=off</cmdline></os><features><acpi/></features>
<devices><interface type='network'><mac address='52:54:00:00:00:NN'/><source network='default'/><model type='virtio'/>FORWARD</interface>
<serial type='pty'/></devices></domain>'''
FORWARD = "<portForward proto='tcp'><range start='8080' to='80'/></portForward>"


class Handler(http.server.BaseHTTPRequestHandler):
    content = b''

    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_args):
        pass


def serve_file(size):
    """A web server outside, at 10.0.2.2 for who stands behind QEMU's user network; returns its port and the file's sum."""
    Handler.content = os.urandom(size)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], hashlib.md5(Handler.content).hexdigest()


def serve_names():
    """A name server outside that knows files.test; returns its port."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 0))

    def answer():
        while True:
            query, client = server.recvfrom(2048)
            end = query.index(0, 12) + 5
            known = query[12:end].lower() == b'\5files\4test\0\0\1\0\1'
            none = query[12:end - 4].lower() == b'\5files\4test\0'
            record = b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4' + bytes((10, 0, 2, 2)) if known else b''
            flags = b'\x81\x80' if known or none else b'\x81\x83'
            server.sendto(query[:2] + flags + b'\0\1' + (b'\0\1' if known else b'\0\0') + b'\0\0\0\0' + query[12:end] + record, client)

    threading.Thread(target=answer, daemon=True).start()
    return server.getsockname()[1]


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def guest(m, command, expected, timeout=60):
    m.send(command + '; echo "= $?"\r')
    found = m.wait(expected, timeout)
    m.wait('^= 0', timeout)
    return found.group(0)


def boot_guest(m, name):
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


def fetch(port, timeout=60):
    end = time.monotonic() + timeout
    while True:
        try:
            return urllib.request.urlopen('http://127.0.0.1:%d/hello' % port, timeout=timeout).read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def flap(m, web, total, name):
    """The host's cable is pulled and put back fifty times; afterwards everything goes on."""
    for _ in range(50):
        m.qmp('set_link', name='card0', up=False)
        m.qmp('set_link', name='card0', up=True)
    for _ in range(60):
        if '1 received' in m.command('ping files.test --count 1', timeout=30):
            break
        time.sleep(0.5)
    else:
        raise AssertionError('the outside is lost: ' + m.command('net-conntrack'))
    m.send_line('console ' + name)
    m.wait('scape character', 30)
    m.send('\r')
    guest(m, 'wget -q -O - http://files.test:%d/f | md5sum' % web, '^' + total, TIME_LIMIT)
    leave(m)


def run(boot, card='virtio-net-pci', size=FILE_BYTES, names=NAMES, options=''):
    web, total = serve_file(size)
    domain_names, forwarded = serve_names(), free_port()
    domains = []
    for number, name in enumerate(names, 0x11):
        path = os.path.join(boot.directory, name + '.xml')
        with open(path, 'w') as file:
            file.write(DOMAIN.replace('NAME', name).replace('NN', '%02x' % number).replace('FORWARD', FORWARD if name == 'one' else ''))
        domains.append(path)
    m = boot(image=boot.image(files={'build/deps/kernel/vmlinuz': 'vmlinuz', 'build/demo/disk-initrd': 'initrd'}, domains=domains,
                              cmdline='dns=10.0.2.2:%d %s' % (domain_names, options)), memory='1G',
             args=['-netdev', 'user,id=n0,hostfwd=tcp:127.0.0.1:%d-:8080' % forwarded, '-device', card + ',netdev=n0,id=card0'])
    m.wait_prompt(120)
    for _ in range(60):
        if 'eth0 is 10.0.2.15/24, its router is 10.0.2.2' in m.command('net-conntrack'):
            break
        time.sleep(0.5)
    assert "<forward mode='nat'/>" in m.command('net-dumpxml default')
    assert 'from 10.0.2.2: icmp_seq=1' in m.command('ping files.test --count 1', timeout=30)

    for name in names:
        boot_guest(m, name)
        guest(m, 'nslookup files.test', r'^Address.*10\.0\.2\.2')
        guest(m, 'ping -c 2 -q 10.0.2.2', '[12] packets received')
        guest(m, 'wget -q -O - http://files.test:%d/f | md5sum' % web, '^' + total, TIME_LIMIT)
        if name == 'one':
            guest(m, 'mkdir -p /tmp/w; echo hello from one >/tmp/w/hello; httpd -h /tmp/w; true', '')
            # What nobody has: a time to live that ends here, and a place that refuses.
            guest(m, '! wget -q -T 5 -O /dev/null http://10.0.2.2:%d/ && echo refused' % free_port(), '^refused')
        leave(m)
    assert fetch(forwarded) == b'hello from one\n'
    tracked = m.command('net-conntrack')
    assert re.search(r'tcp +\w+ +192\.168\.122\.\d+:\d+ +10\.0\.2\.2:%d +10\.0\.2\.15:\d+ +10\.0\.2\.2:%d' % (web, web), tracked), tracked
    assert re.search(r'tcp +\w+ +10\.0\.2\.2:\d+ +10\.0\.2\.15:8080 +10\.0\.2\.2:\d+ +192\.168\.122\.\d+:80', tracked), tracked
    if names != NAMES:
        flap(m, web, total, names[-1])
    # A machine that is gone takes its connections with it.
    m.send_line('destroy one')
    m.wait("Domain 'one' destroyed", 30)
    m.wait_prompt()
    if names == NAMES:
        assert '192.168.122.' not in m.command('net-conntrack')
