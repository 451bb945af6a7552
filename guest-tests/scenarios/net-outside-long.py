# SPDX-License-Identifier: MIT
"""As net-outside, longer: on each kind of card two machines fetch 100 MB from outside, and one serves through a port forward; then the cable flaps."""
import importlib.util
import os

FULL = True
TIME_LIMIT = 1500
# The last one's address is told, not asked for.
CARDS = (('virtio-net-pci', ''), ('e1000', ''), ('e1000e', 'net=10.0.2.15/24,10.0.2.2'))

spec = importlib.util.spec_from_file_location('net_outside', os.path.join(os.path.dirname(__file__), 'net-outside.py'))
short = importlib.util.module_from_spec(spec)
spec.loader.exec_module(short)
short.TIME_LIMIT = 300


def run(boot):
    for card, options in CARDS:
        short.run(boot, card=card, options=options, size=100 << 20, names=('one', 'two'))
        boot.machines[-1].stop()
