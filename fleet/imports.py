"""Imports of heavy modules on threads, one at a time.

Two threads that import parts of one library at once can each see the other's half-initialised module: Python breaks the
deadlock by not waiting, and a name is briefly missing. Nor are two faster than one: they share the interpreter, which
each leaves at every file that it opens, and at a start that costs a sixth of all CPU.
"""

from __future__ import annotations

import threading
from importlib import import_module
from types import ModuleType
from typing import Final

IMPORTING: Final = threading.RLock()
"""Held while a library is imported on a thread."""


def imported(name: str) -> ModuleType:
    """The module, imported now or before. Call it on a thread: an import takes longer than a frame may."""
    with IMPORTING:
        return import_module(name)
