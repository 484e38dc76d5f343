"""A cause: what may be wrong with an object (or be said of it), by which signs it is told, and how bad it is.

Causes are data. What an object stands by is the first of those that hold: the earlier stage, then the worse one, then
the root before what it brings about.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import Generic, NamedTuple, TypeVar

from fleet.dataclass import dataclass
from fleet.diagnosis.sign import MetricsRow, Sign
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Assessment, Severity

S = TypeVar("S")


class Of(StrEnum):
    """The kind of object that a cause speaks of."""

    SOURCE = "source"
    """The API server, Prometheus, the scrape: by its status."""
    NODE = "node"
    GPU = "GPU"
    ENGINE = "engine"
    """The engines of one pod together, by the pod's row of numbers."""
    REPLICA = "replica"
    """A pod among the others of its workload, by the numbers of them all."""
    POD = "pod"
    WORKLOAD = "workload"


class Stage(IntEnum):
    """How far an object has come in its life. Where something holds of an earlier stage, nobody asks for a later one:
    a pod that is leaving does not fail, and one that loads is not slow.
    """

    GOING = 0
    """Leaving, or meant to be away."""
    BROKEN = 1
    UNSEEN = 2
    """Nobody can say, for want of permission or of a list."""
    PLACING = 3
    """Not placed on a node yet."""
    STARTING = 4
    MEASURING = 5
    """No numbers yet to judge it by."""
    ASLEEP = 6
    SERVING = 7


class Help(NamedTuple):
    """Something that helps."""

    text: str
    command: str = ""
    """The command of the console that does it, or leads to it (``scale``, ``previous``); empty for none."""


@dataclass(frozen=True, kw_only=True)
class Cause(Generic[S]):
    """One cause. ``S`` is what its signs look at: see fleet/diagnosis/subject.py, and ``MetricsRow`` for numbers."""

    id: str
    """Unique, and for good: it is in reports."""
    of: Of
    stage: Stage = Stage.SERVING
    severity: Severity
    sentence: str
    """Description in one sentence that is true of every object that has it."""
    words: Callable[[S], str]
    """Description of this one, in as few words as the row of a table has room for."""
    must: tuple[Sign[S], ...]
    """All of these hold. Of rows of numbers, first the one that holds of the fewest."""
    must_not: tuple[Sign[S], ...] = ()
    """None of these holds; each is a cause that looks alike."""
    may: tuple[Sign[S], ...] = ()
    """Signs that make it more likely where it holds: shown with the evidence, decide nothing."""
    serious: tuple[Sign[S], ...] = ()
    """Signs one of which makes it critical, whatever ``severity`` says."""
    explains: tuple[str, ...] = ()
    """Ids of what it brings about: those are symptoms where this is found."""
    before: tuple[str, ...] = ()
    """Ids of what it does not bring about and is told before, where both hold and are as bad."""
    beside: bool = False
    """True if it says nothing of an object that is otherwise well, and counts beside another trouble of its holder."""
    symptom: bool = False
    """True if it only says how the parts of an object stand: what is found of those is its root."""
    peers: bool = False
    """True if it explains the same of the other replicas: they carry the load of this one."""
    after: float = 0.0
    """Seconds for which it must hold before it fires."""
    clears: float = 60.0
    """Seconds for which it must not hold before it is over."""
    still: tuple[Sign[S], ...] = ()
    """While it fires, it goes on for as long as these hold: the same at limits that are easier to keep to."""
    alike: tuple[str, ...] = ()
    """Ids of causes that look alike, at the object, its GPUs or its node: explained are those that are ruled out."""
    decides: tuple[str, ...] = ()
    """Looks that would prove it, or another: each a cheap one."""
    helps: tuple[Help, ...] = ()
    """Remedies, the mildest first."""
    avoid: tuple[str, ...] = ()
    """Steps to avoid, and why."""

    def excluded(self, of: S) -> bool:
        """Whether a sign holds that must not. One that is unknown excludes nothing, as it proves nothing."""
        return bool(self.must_not) and any(sign.holds(of) for sign in self.must_not)

    def assessment(self, of: S) -> Assessment:
        """Return how an object stands that has it."""
        serious = bool(self.serious) and any(sign.holds(of) for sign in self.serious)
        return Assessment(Severity.CRITICAL if serious else self.severity, self.words(of))


@dataclass(frozen=True, slots=True)
class Numbers:
    """Words with numbers of a row: ``Numbers("preempts {:.1f}/s", Quantity.PREEMPTIONS)``."""

    form: str
    quantities: tuple[Quantity, ...] = ()

    def __call__(self, row: MetricsRow) -> str:
        return self.form.format(*map(row.value, self.quantities))


def says(words: str) -> Callable[[object], str]:
    """The same words of every object."""
    return lambda _: words
