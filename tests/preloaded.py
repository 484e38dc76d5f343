"""Every module of every room, imported by the parent of the programs of ``tests.prefork``.

None of it is garbage. A collection that looked through it would copy its pages, some 100 MB, into each program.
"""

from __future__ import annotations

import gc
import importlib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("fleet", "actions", "console", "simulator")


def _import_all() -> None:
    files = (file.relative_to(ROOT) for room in ROOMS for file in sorted((ROOT / room).rglob("*.py")))
    for file in files:
        importlib.import_module(".".join(file.with_suffix("").parts).removesuffix(".__init__"))


gc.disable()
_import_all()
gc.freeze()
gc.enable()
