"""A cause: what may be wrong with an object (or worth saying about it), the signs that show it, and its severity.

Causes are data, one class for each kind of object. The cause that decides an object's severity is the first that holds:
the earlier stage, then the worse one, then a root before its consequences.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from fleet.dataclass import dataclass
from fleet.diagnosis.sign import Observation, Sign
from fleet.diagnosis.signs.metrics_sign import MetricsSign
from fleet.diagnosis.subjects.subject import (
    MetricsRow,
    MetricsTable,
    PodSubject,
    Subjects,
    WorkloadSubject,
)
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Node
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment

S = TypeVar("S")


class Stage(IntEnum):
    """Stage of an object's life. If a cause holds at an earlier stage, later ones are not checked: a pod that is
    leaving does not fail, and one that loads is not slow.
    """

    GOING = 0
    """Leaving, or absent on purpose."""
    BROKEN = 1
    UNSEEN = 2
    """Unknown, because a permission or a list is missing."""
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


class Ruling(NamedTuple):
    """The verdict on a cause at an object, with its evidence."""

    holds: bool | None
    """None where it is not known."""
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Cause(Generic[S]):
    """A cause. ``S`` is the subject that its signs examine: fleet/diagnosis/subjects."""

    of: ClassVar[SubjectKind]
    beside: ClassVar[bool] = False
    """True if it takes no part in the assessment of its object: a late or unreliable witness."""
    prolongs: ClassVar[bool] = False
    """True if it keeps away what would end its consequences: it may begin after them."""
    last_resort: ClassVar[bool] = False
    """True if it counts only where nothing but its symptoms is found at its object."""
    id: str
    """Unique, and for good: it is in reports."""
    stage: Stage = Stage.SERVING
    severity: Severity
    sentence: str
    """Description in one sentence that is true of every object that has it."""
    words: Callable[[S], str]
    """Description of this one, in as few words as the row of a table has room for."""
    must: tuple[Sign[S], ...]
    """Signs that must all hold. For metrics, the sign that holds for the fewest rows comes first."""
    must_not: tuple[Sign[S], ...] = ()
    """Signs none of which may hold; each belongs to a cause that looks alike."""
    may: tuple[Sign[S], ...] = ()
    """Signs that make the cause more likely: shown with the evidence, never decisive."""
    serious: tuple[Sign[S], ...] = ()
    """Signs any of which raises the severity to critical."""
    explains: tuple[str, ...] = ()
    """Ids of its consequences: they are symptoms wherever this cause is found."""
    leaves: tuple[str, ...] = ()
    """Ids of last resorts that stay where this cause is found at their object: they report something else of it."""
    before: tuple[str, ...] = ()
    """Ids of causes that it takes precedence over without causing them, if both hold with equal severity."""
    secondary: bool = False
    """True if it does not make an otherwise well object unwell, but adds to another trouble of its holder."""
    symptom: bool = False
    """True if it only reports the state of an object's parts: a finding at the parts is its root."""
    runs_on: bool = False
    """True if what already runs on its object is unaffected, and only future work is."""
    peers: bool = False
    """True if it explains the same of the other replicas: they carry the load of this one."""
    after: float = 0.0
    """Seconds for which it must hold before it fires."""
    clears: float = 60.0
    """Seconds for which it must not hold before it is over."""
    keeps_firing: tuple[Sign[S], ...] = ()
    """Signs that keep it firing once it has fired: the same signs with easier limits."""
    lookalikes: tuple[str, ...] = ()
    """Ids of causes that look alike at the object, its GPUs or its node: the explanation says which are ruled out."""
    decides: tuple[str, ...] = ()
    """Cheap checks that would confirm this cause or another."""
    helps: tuple[Help, ...] = ()
    """Remedies, the mildest first."""
    avoid: tuple[str, ...] = ()
    """Steps to avoid, and why."""

    @abstractmethod
    def subject(self, subjects: Subjects, key: str) -> S | None:
        """Return what its signs examine of an object; None if the object is absent or has no metrics."""

    def holds(self, of: S) -> bool:
        """True if all its signs hold, and none that excludes it."""
        for sign in self.must:
            if not sign.holds(of):
                return False
        return not self.excluded(of)

    def excluded(self, of: S) -> bool:
        """True if an excluding sign holds. An unknown sign excludes nothing, just as it proves nothing."""
        return bool(self.must_not) and any(sign.holds(of) for sign in self.must_not)

    def assessment(self, of: S) -> Assessment:
        """Return the assessment of an object for which it holds."""
        serious = bool(self.serious) and any(sign.holds(of) for sign in self.serious)
        return Assessment(Severity.CRITICAL if serious else self.severity, self.words(of))

    def assessed(self, subjects: Subjects, key: str) -> Assessment:
        """Return the same by the key of the object; without words where it is not there any more."""
        subject = self.subject(subjects, key)
        return Assessment(self.severity) if subject is None else self.assessment(subject)

    def still_holds(self, subjects: Subjects, key: str) -> bool:
        """True if it still holds at the easier limits."""
        subject = self.subject(subjects, key) if self.keeps_firing else None
        return subject is not None and all(sign.holds(subject) for sign in self.keeps_firing)

    def observed(self, subjects: Subjects, key: str) -> Iterator[Observation]:
        """Yield what its signs read, each once; nothing for an object that does not exist."""
        subject = self.subject(subjects, key)
        if subject is None:
            return
        beside = [sign for sign in (*self.may, *self.serious) if sign.holds(subject)]
        yield from dict.fromkeys(one for sign in (*self.must, *beside) for one in sign.observations(subject))

    def ruling(self, subjects: Subjects, key: str) -> Ruling | None:
        """Rule out by the first sign that does not hold; else by one that is unknown, or that must not hold and
        does.
        """
        subject = self.subject(subjects, key)
        if subject is None:
            return None
        held = [(sign, sign.holds(subject)) for sign in self.must]
        missed = next((sign for sign, holds in held if holds is False), None)
        if missed is not None:
            return Ruling(False, missed.contrary(subject))
        unknown = next((sign for sign, holds in held if holds is None), None)
        if unknown is not None:
            return Ruling(None, f"unknown: {unknown.reads}")
        excluding = next((sign for sign in self.must_not if sign.holds(subject)), None)
        if excluding is None:
            return Ruling(True)
        return Ruling(False, ", ".join(one.text for one in excluding.observations(subject)))


AnyCause: TypeAlias = Cause[Any]
"""A cause of any kind of object: evaluated by the object's key, never by a subject of another kind."""


class NodeCause(Cause[Node]):
    """A cause at a node."""

    of = SubjectKind.NODE

    def subject(self, subjects: Subjects, key: str) -> Node | None:
        return subjects.node(key)


class PodCause(Cause[PodSubject]):
    """A cause at a pod, by what Kubernetes reports of it."""

    of = SubjectKind.POD

    def subject(self, subjects: Subjects, key: str) -> PodSubject | None:
        return subjects.pod(key)


class WorkloadCause(Cause[WorkloadSubject]):
    """A cause at a workload, by its own counts and the assessments of its pods."""

    of = SubjectKind.WORKLOAD

    def subject(self, subjects: Subjects, key: str) -> WorkloadSubject | None:
        return subjects.workload(key)


class MetricsWords(Protocol):
    """Words about a row of numbers."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Quantities whose values appear in the words."""
        ...

    def __call__(self, row: MetricsRow, /) -> str: ...


@dataclass(frozen=True, kw_only=True)
class MetricsCause(Cause[MetricsRow]):
    """A cause that numbers show: its signs are looked for column by column."""

    words: MetricsWords
    must: tuple[MetricsSign, ...]
    """Signs that must all hold; the sign that holds for the fewest rows comes first."""
    must_not: tuple[MetricsSign, ...] = ()
    serious: tuple[MetricsSign, ...] = ()

    def serious_rows(self, table: MetricsTable) -> Collection[int]:
        """Return the rows at which a sign holds that makes the cause critical, column by column."""
        return frozenset(row for sign in self.serious for row in sign.among(table, None))

    def assessments(self, table: MetricsTable, rows: Sequence[int]) -> Iterator[Assessment]:
        """Yield the assessments of these rows, all of which have this cause."""
        serious, severity, words = self.serious_rows(table), self.severity, self.words
        if isinstance(words, Numbers):
            texts: Iterable[str] = words.texts(table, rows)
        else:
            texts = (words(table.row(at)) for at in rows)
        for at, text in zip(rows, texts, strict=True):
            yield Assessment(Severity.CRITICAL if at in serious else severity, text)


class EngineCause(MetricsCause):
    """A cause at the engines of a pod, by the pod's row of numbers."""

    of = SubjectKind.ENGINE

    def subject(self, subjects: Subjects, key: str) -> MetricsRow | None:
        return subjects.engine(key)


class GpuCause(MetricsCause):
    """A cause at a GPU, by its row of numbers."""

    of = SubjectKind.GPU

    def subject(self, subjects: Subjects, key: str) -> MetricsRow | None:
        return subjects.gpu(key)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Words with numbers of a row: ``Numbers("preempts {:.1f}/s", Quantity.PREEMPTIONS)``."""

    form: str
    quantities: tuple[Quantity, ...] = ()

    def __call__(self, row: MetricsRow, /) -> str:
        return self.form.format(*map(row.value, self.quantities))

    def texts(self, table: MetricsTable, rows: Sequence[int]) -> Iterator[str]:
        """Return the words of many rows."""
        return map(self.form.format, *(table.frame.values(rows, one) for one in self.quantities))


@dataclass(frozen=True, slots=True)
class MetricsText:
    """Words about a row, made by a function; ``quantities`` are those whose values appear in them."""

    text: Callable[[MetricsRow], str]
    quantities: tuple[Quantity, ...] = ()

    def __call__(self, row: MetricsRow, /) -> str:
        return self.text(row)


@dataclass(frozen=True, slots=True)
class SameWords:
    """The same words of every object."""

    words: str
    quantities: tuple[Quantity, ...] = ()

    def __call__(self, _: object, /) -> str:
        return self.words


def says(words: str) -> SameWords:
    """The same words of every object."""
    return SameWords(words)
