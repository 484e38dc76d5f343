"""The corpus: which kinds in which guises, and which two at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.eval import registry
from tests.eval.case import Case, Guise, shrink
from tests.eval.innocent import INNOCENT
from tests.eval.registry import Kind
from tests.eval.tape import tape
from tests.eval.truth_file import written

_UNASKED = (
    "metrics-source-down",
    "metrics-unknown",
    "metrics-too-old",
    "no-metrics",
    "gpu-metrics-unknown",
    "gpu-metrics-too-old",
    "replicas-unknown",
)
"""Findings that are right if there is no Prometheus."""
COMPOUND = 30
"""Cases of two kinds at once."""


@dataclass(frozen=True)
class Entry:
    """A case to be made."""

    name: str
    kind: str
    """The kind; of two at once both names."""
    about: str
    plays: tuple[Kind, ...]
    guise: Guise
    is_held_out: bool


def entries() -> list[Entry]:
    """All cases, by name."""
    every = registry.kinds()
    found = [_entry((one,), guise) for one in every.values() for guise in _guises(one)]
    return sorted([*found, *_compound(list(every.values()))], key=lambda entry: entry.name)


def make(entry: Entry, folder: Path, *, small: bool = True) -> None:
    """Write the recording of a case, small or as a recorder would, and its truth beside it."""
    case = Case(entry.name, entry.guise, tape(entry.guise.pods, entry.guise.demand))
    for one in entry.plays:
        one.play(case)
    if entry.guise.innocent:
        INNOCENT[entry.guise.innocent](case)
    if entry.guise.lacks == "numbers":
        case.not_asked(*_UNASKED)
    path = folder / f"{entry.name}.qdr"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    case.write(path, max(one.lasts for one in entry.plays))
    if small:
        shrink(path)
    truth = written(entry.kind, entry.about, case.faults, case.beside, held_out=entry.is_held_out)
    path.with_suffix(".toml").write_text(truth, encoding="utf-8")


def _entry(plays: Sequence[Kind], guise: Guise) -> Entry:
    kind = " + ".join(one.name for one in plays)
    # Of held-out cases not even a name is shown.
    hidden = any(one.is_held_out for one in plays)
    name = f"{'held-out' if hidden else 'seen'}/{kind.replace(' + ', '+')}.{guise.name}"
    return Entry(name, kind, "; and ".join(one.about for one in plays), tuple(plays), guise, hidden)


def _guises(one: Kind) -> Iterator[Guise]:
    """A kind as it looks in a usual fleet, in a small one that lacks a source, and in a busy or a large one."""
    number = int(hashlib.sha256(one.name.encode()).hexdigest(), 16) // 3
    innocent = list(INNOCENT)[number % len(INNOCENT)]
    spare = [name for name in ("gpus", "events", "numbers") if name not in one.needs]
    lacks = spare[number % len(spare)] if spare else ""
    yield Guise("usual", seed=1)
    yield Guise("small", pods=12, demand=0.6, lacks="" if lacks == "gpus" and one.calm else lacks, seed=2)
    if number % 2:
        yield Guise("busy", demand=1.25, innocent="" if one.alone else innocent, seed=3)
    else:
        yield Guise("large", pods=24, innocent="" if one.alone else innocent, seed=4)


def _compound(every: Sequence[Kind]) -> Iterator[Entry]:
    """Two kinds that have nothing to do with each other, at two workloads."""
    able = [one for one in every if not one.calm and not one.alone]
    able.sort(key=lambda one: hashlib.sha256(f"pair/{one.name}".encode()).hexdigest())
    for number in range(COMPOUND):
        first, second = able[2 * number % len(able)], able[(2 * number + 1) % len(able)]
        yield _entry((first, second), Guise("both", seed=5))
