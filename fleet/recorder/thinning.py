"""Bounds on a recording: what is too old is deleted, what is too large is thinned, and the thinning is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.recorder.file import NUMBERS, RecordingFile
from fleet.recorder.model_json import stamped

ABOUT: Final = "thinned"
"""The key under which a recording stores its thinning: ``until:seconds`` for each part, the coarsest first."""
_COARSER: Final = (60.0, 300.0, 1800.0)
"""Seconds between two kept measurements; the next value applies if the previous one does not save enough."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Limits of age and size."""

    seconds: float = 24 * 3600.0
    size: int = 200 * 2**20
    """Bytes."""


class Thinned(NamedTuple):
    """A part that was thinned: up to a moment one measurement at most is kept of so many seconds."""

    until: float
    """Unix time."""
    seconds: float


def trim(file: RecordingFile, bounds: Retention, now: float) -> None:
    """Delete what is too old; if the file is still too large, thin the older half, then delete it."""
    file.drop_before(now - bounds.seconds)
    for coarser in _COARSER:
        span = file.span()
        if file.size() <= bounds.size or span is None:
            return
        until = (span[0] + span[1]) / 2
        file.thin(NUMBERS, until, coarser)
        _write_down(file, Thinned(until, coarser), span[0])
    span = file.span()
    for eighths in range(1, 9):
        if file.size() > bounds.size and span is not None:
            file.drop_before(span[0] + (span[1] - span[0]) * eighths / 8)


def thinned(about: Mapping[str, str]) -> tuple[Thinned, ...]:
    """Return the thinned parts of a recording, coarsest and oldest first; empty if missing or unreadable."""
    try:
        parts = [part.partition(":") for part in about.get(ABOUT, "").split()]
        return tuple(Thinned(float(until), float(seconds)) for until, _, seconds in parts)
    except ValueError:
        return ()


def seconds_between(parts: tuple[Thinned, ...], at: float) -> float:
    """Seconds between the measurements that are left at a moment; 0 where all are."""
    return max((part.seconds for part in parts if at <= part.until), default=0.0)


def _write_down(file: RecordingFile, new: Thinned, first: float) -> None:
    left = [part for part in thinned(file.about()) if part.until > first and not _is_within(part, new)]
    file.describe(**written((*left, new)))


def written(parts: Iterable[Thinned]) -> dict[str, str]:
    """Return what a recording says of its parts in its table ``about``."""
    return {ABOUT: " ".join(f"{part.until:.0f}:{part.seconds:g}" for part in parts)}


def _is_within(part: Thinned, other: Thinned) -> bool:
    return part.until <= other.until and part.seconds <= other.seconds


def stamped_spans(first: float, parts: tuple[Thinned, ...]) -> str:
    """Return when recording began, and the resolution of older parts, in words."""
    coarse = [f"before {stamped(part.until)} a measurement every {part.seconds:g} s" for part in parts]
    return "; ".join((f"{stamped(first)} UTC", *coarse))
