# SPDX-License-Identifier: MIT
"""A stick composed by tools/solera-stick: its machine starts, writes its disk, and finds that again after a power cycle."""
import os
import subprocess

TIME_LIMIT = 240


def session(m):
    m.wait_prompt(120)
    m.send_line('start box --console')
    m.wait('demo:/root# ', 120)


def run(boot):
    disk = os.path.join(boot.directory, 'stick-disk.qcow2')
    stick = os.path.join(boot.directory, 'stick.img')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '64M'], check=True)
    answer = subprocess.run(['tools/solera-stick', '-o', stick, '--machine', 'box', '--memory', '128M', '--disk', disk, '--kernel',
                             'build/deps/kernel/vmlinuz', '--initrd', 'build/demo/disk-initrd', '--cmdline', 'console=ttyS0 quiet',
                             '--network', 'default'], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    m = boot(image=stick, usb=('usb-kbd,bus=xhci.0',))
    session(m)
    m.send_line('head -c 3000000 /dev/urandom > /tmp/x; dd if=/tmp/x of=/dev/vda bs=64k conv=fsync 2>/dev/null; sha256sum < /tmp/x')
    written = m.wait(r'^([0-9a-f]{64})', 60).group(1)
    m.wait('demo:/root# ', 30)
    m.send(b'\x1d')
    m.wait_prompt()
    m.command('destroy box')
    m.send_line('poweroff')
    m.wait_exit(60)
    m = boot(image=stick, usb=('usb-kbd,bus=xhci.0',))
    session(m)
    m.send_line('head -c 3000000 /dev/vda | sha256sum')
    assert m.wait(r'^([0-9a-f]{64})', 60).group(1) == written
    m.wait('demo:/root# ', 30)
    m.send(b'\x1d')
    m.wait_prompt()
    assert '/stick/machines/box.qcow2' in m.command('domblklist box')
    m.send_line('poweroff --force')
    m.wait_exit(60)
    subprocess.run(['mcopy', '-n', '-o', '-i', f'{stick}@@1M', '::/machines/box.qcow2', disk], check=True)
    subprocess.run(['qemu-img', 'check', '-q', disk], check=True)
