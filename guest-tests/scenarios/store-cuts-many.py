# SPDX-License-Identifier: MIT
"""store-cuts with a hundred cuts."""

FULL = True
TIME_LIMIT = 4500


def run(boot):
    import importlib.util
    import os
    spec = importlib.util.spec_from_file_location('cuts', os.path.join(os.path.dirname(os.path.abspath(__file__)), 'store-cuts.py'))
    cuts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cuts)
    cuts.run(boot, 100)
