"""Every kind of source beside the selected cluster and its metrics, one line each.

A line costs no import. The modules that make sources are imported after the first value, and those that declare a table
of the configuration if something in it is set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import field
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from console.config.settings import Settings
from fleet.dataclass import dataclass


class SourceEntry(NamedTuple):
    """One kind of source."""

    section: str
    """The name of its table of the configuration."""
    make: str
    """``module:function`` that makes the sources (``MakesSources`` of console/wiring/facts.py)."""
    settings: str = ""
    """``module:Class`` of a table that it declares itself; empty for one of ``settings.py``."""


SOURCES: tuple[SourceEntry, ...] = (
    SourceEntry("alertmanager", "console.wiring.alerts:alertmanagers"),
    SourceEntry("rules", "console.wiring.alerts:rules"),
    SourceEntry("diagnosis", "console.wiring.crash_logs:crash_logs"),
    SourceEntry("actions", "console.wiring.acknowledgements:acknowledgements"),
    SourceEntry("diagnosis", "console.wiring.routing:routing"),
    SourceEntry("canary", "console.wiring.canary:canary", "console.wiring.canary:CanarySettings"),
    SourceEntry("objectives", "console.wiring.objectives:objectives"),
    SourceEntry("diagnosis", "console.wiring.store_signals:store_signals"),
)


def named_by(where: str) -> Any:
    """Return the object named ``module:NAME``, importing its module."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


def declared() -> Iterator[SourceEntry]:
    """Yield the kinds that declare their own table."""
    return (entry for entry in SOURCES if entry.settings)


def with_tables(named: Collection[str] | None = None) -> type[Settings]:
    """Return the settings with the declared tables of these names (None: all); only their modules are imported."""
    return _extended(tuple(entry for entry in declared() if named is None or entry.section in named))


@cache
def _extended(entries: tuple[SourceEntry, ...]) -> type[Settings]:
    if not entries:
        return Settings
    tables = {entry.section: named_by(entry.settings) for entry in entries}
    added = {name: field(default_factory=table) for name, table in tables.items()}
    extended: type[Settings] = type(Settings.__name__, (Settings,), {"__annotations__": tables, **added})
    return dataclass(frozen=True, slots=True)(extended)
