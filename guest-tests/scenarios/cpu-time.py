# SPDX-License-Identifier: MIT
"""Where CPU time goes: nodecpustats and domstats agree to the nanosecond; a busy guest is `user`, an idle one is not."""
import re

TIME_LIMIT = 300


def host(m):
    times = {name: int(value) for name, value in re.findall(r'^(\w+): +(\d+)$', m.command('nodecpustats'), re.M)}
    assert set(times) == {'user', 'system', 'idle', 'iowait'}, times
    return times


def guest(m):
    return {name: int(value) for name, value in re.findall(r'cpu\.(\w+)=(\d+)', m.command('domstats demo --cpu-total'))}


def percent(m):
    return {name: float(value) for name, value in re.findall(r'^(\w+): +([\d.]+)%$', m.command('nodecpustats --percent'), re.M)}


def run(boot):
    m = boot(image='build/demo.img', memory='2G')
    m.wait_prompt(150)
    m.send_line('console demo')
    m.wait(r'demo:/root# ', 150)
    m.send('while :; do :; done &\r')
    m.wait(r'demo:/root# ', 30)
    m.send(b'\x1d')
    m.wait_prompt()
    busy = percent(m)
    assert busy['user'] > 60 and busy['idle'] < 30, busy

    # Paused, nothing runs in a guest: one machine's account and its CPU's are the same.
    m.command('suspend demo')
    before, account = host(m), guest(m)
    assert before['user'] == account['user'], (before, account)
    assert account['time'] == account['user'] + account['system'], account
    after = host(m)
    assert after['user'] == before['user'] and after['idle'] > before['idle'], (before, after)
    # What is not a guest's and not idle is Solera's, and the three are the time since its entry.
    uptime = sum(after.values()) / 1e9
    later = sum(host(m).values()) / 1e9
    assert uptime < later < uptime + 30, (uptime, later)

    m.command('resume demo')
    m.send_line('console demo')
    m.wait('Escape character', 10)
    m.send('kill $!\r')
    m.wait(r'demo:/root# ', 30)
    m.send(b'\x1d')
    m.wait_prompt()
    idle = percent(m)
    assert idle['user'] < 30 and idle['idle'] > 50, idle
    m.send_line('poweroff')
    m.wait_exit()
