"""Estimate of when a server will be ready, from the duration of earlier starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import orjson

from fleet.dataclass import dataclass
from fleet.local.record import STARTS, ServerRecord
from fleet.local.server import Phase, ServerState, StartStage

LATE: Final = 2.0
"""Factor over the longest start so far, after which no estimate is made."""
_FREE: Final = frozenset(
    {"--host", "--port", "--served-model-name", "--shutdown-timeout", "--disable-access-log-for-endpoints"}
)
"""Flags that do not change how long a start takes."""


@dataclass(frozen=True, slots=True)
class PastStart:
    """One start that became ready."""

    model: str
    arguments: str
    """Digest of the arguments that matter, with the version of vLLM."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Phase → seconds."""

    @property
    def total(self) -> float:
        """Seconds from start to ready."""
        return sum(self.phases.values())


def start_of(state: ServerState) -> PastStart:
    """Return a server that has become ready as a start to remember."""
    record = state.record
    end = record.ready or state.at
    stages = [stage for stage in state.stages if stage.phase is not Phase.READY]
    ends = [later.began for _, later in pairwise(stages)] + [end]
    phases = {stage.phase.value: max(0.0, until - stage.began) for stage, until in zip(stages, ends, strict=True)}
    return PastStart(record.spec.model, digest(record), phases)


def digest(record: ServerRecord) -> str:
    """Return a digest of the arguments that affect how long a start takes."""
    words, skip = [], False
    for word in record.argv[1:]:
        flag = word.partition("=")[0]
        if word.startswith("-"):
            skip = flag in _FREE
        if not skip:
            words.append(word)
    return sha256(" ".join((record.version, *words)).encode()).hexdigest()[:16]


def estimate(
    starts: Sequence[PastStart], record: ServerRecord, stages: Sequence[StartStage], now: float
) -> float | None:
    """Return the seconds until it is ready; None if no earlier start of the model is known, or it is too late to tell.

    Each phase ahead counts as long as last time; the current one by its progress counter, else the remainder of last
    time.
    """
    known = [start for start in starts if start.model == record.spec.model]
    same = [start for start in known if start.arguments == digest(record)] or known
    if not same or not stages:
        return None
    last, current = same[-1], stages[-1]
    if now - record.begun > LATE * max(start.total for start in same):
        return None
    order = list(Phase)
    ahead = sum(
        seconds for phase, seconds in last.phases.items() if order.index(Phase(phase)) > order.index(current.phase)
    )
    spent = max(0.0, now - current.began)
    rest = max(0.0, last.phases.get(current.phase.value, 0.0) - spent)
    if current.total and 0 < current.done < current.total:
        rest = spent * (current.total - current.done) / current.done
    left = ahead + rest
    # No time left and still not ready: it is late by an unknown time.
    return left if left >= 1 else None


def read_starts(folder: Path) -> tuple[PastStart, ...]:
    """Return the starts that are remembered, oldest first; ``folder`` is where servers are recorded."""
    try:
        lines = (folder / STARTS).read_bytes().splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        try:
            found.append(from_json(orjson.loads(line)))
        except (ValueError, TypeError, KeyError):
            # An incomplete line from a full disk: the others suffice.
            continue
    return tuple(found)


def to_json(start: PastStart) -> dict[str, Any]:
    """The start as JSON values."""
    return asdict(start)


def from_json(document: Mapping[str, Any]) -> PastStart:
    """The start that ``to_json`` wrote. Raises ValueError, TypeError or KeyError for anything else."""
    phases = {Phase(name).value: float(seconds) for name, seconds in dict(document["phases"]).items()}
    return PastStart(str(document["model"]), str(document["arguments"]), phases)
