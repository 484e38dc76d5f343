"""Data files: the output of real servers, and the simulated fleet."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A tenth of the time, where PyYAML was built with libyaml."""


@cache
def text(name: str) -> str:
    """The content of a file of this package."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def document(name: str) -> Any:
    """The content of a YAML file of this package."""
    return yaml.load(text(name), _Loader)  # noqa: S506 - a SafeLoader, and a file of ours
