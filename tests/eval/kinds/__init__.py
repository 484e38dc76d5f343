"""Kinds of incidents that may be read while causes are written."""

from __future__ import annotations

import pkgutil
from importlib import import_module


def load() -> None:
    """Import every module here: each registers its kinds."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
