"""The words of findings, built when they are read.

Most words contain a number of a row that changes with each measurement, and of thousands of findings only a few are
read. The inputs are kept by value: a few numbers instead of the frame, which would otherwise be kept alive.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from fleet.diagnosis.cause import AnyCause, MetricsCause
from fleet.diagnosis.subjects.subject import MetricsRow
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.finding import Finding, FindingState
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Assessment, Snapshot

_WHOLES = frozenset({SubjectKind.WORKLOAD, SubjectKind.NODE})
"""Kinds of objects that repeat the words of their parts."""


def is_assessment(cause: AnyCause) -> bool:
    """True if its severity and words are those of its object's assessment, in which its parts' are repeated."""
    return cause.of in _WHOLES and not cause.beside


def is_later(cause: AnyCause) -> bool:
    """True if its words are built later: they contain numbers of a row, or repeat those of its object's parts."""
    return is_assessment(cause) or (isinstance(cause, MetricsCause) and bool(cause.words.quantities))


class WordedRows:
    """The objects whose words are built later; the rows of their numbers are looked up once."""

    def __init__(self, causes: Mapping[str, AnyCause], findings: Iterable[Finding]) -> None:
        self._causes = causes
        self._rows: dict[SubjectKind, tuple[Mapping[str, int] | None, Sequence[int]]] = {}
        """The rows of the objects, for frames with this index."""
        self._assessments: Mapping[str, Assessment] | None = None
        self._reasons: Mapping[str, str] = {}
        self._wholes: dict[str, int] = {}
        self._keys: dict[SubjectKind, dict[str, int]] = {}
        self._read: dict[SubjectKind, dict[Quantity, None]] = {}
        keys_of: dict[str, dict[str, int] | None] = {}
        for finding in findings:
            if finding.state is FindingState.RECOVERING:
                continue
            if finding.cause not in keys_of:
                keys_of[finding.cause] = self._keys_of(causes[finding.cause])
            keys = keys_of[finding.cause]
            if keys is not None:
                keys.setdefault(finding.key, len(keys))

    def _keys_of(self, cause: AnyCause) -> dict[str, int] | None:
        """Return where the objects of a cause are kept; None if its words are not built later."""
        if not is_later(cause):
            return None
        if not isinstance(cause, MetricsCause):
            return self._wholes
        self._read.setdefault(cause.of, {}).update(dict.fromkeys(cause.words.quantities))
        return self._keys.setdefault(cause.of, {})

    def at(self, snapshot: Snapshot) -> FindingWords:
        """The words by the numbers of a Snapshot."""
        assessments = snapshot.assessments
        if assessments is not self._assessments:
            self._assessments = assessments
            self._reasons = {key: assessments[key].reason for key in self._wholes}
        frames = {kind: self._taken(_frame(snapshot, kind), kind) for kind in self._keys}
        return FindingWords(self._causes, frames, self._reasons)

    def _taken(self, frame: Frame, kind: SubjectKind) -> Frame:
        """Take these rows, and of them the columns that are read."""
        keys = self._keys[kind]
        index, rows = self._rows.get(kind, (None, ()))
        if index is not frame.index:
            rows = frame.rows(keys)
            self._rows[kind] = frame.index, rows
        there = [quantity for quantity in self._read[kind] if quantity in frame.columns]
        columns = {quantity: Column(array("d", frame.values(rows, quantity))) for quantity in there}
        return Frame(tuple(keys), columns, index=keys)


class FindingWords:
    """The words of the findings of one Snapshot."""

    __slots__ = ("_causes", "_frames", "_wholes")

    def __init__(
        self,
        causes: Mapping[str, AnyCause],
        frames: Mapping[SubjectKind, Frame] | None = None,
        wholes: Mapping[str, str] | None = None,
    ) -> None:
        self._causes = causes
        self._frames = frames or {}
        self._wholes = wholes or {}

    def of(self, finding: Finding) -> str:
        """Return the words of a finding: its own, or those built later."""
        if finding.words or finding.state is FindingState.RECOVERING:
            return finding.words
        cause = self._causes[finding.cause]
        if is_assessment(cause):
            return self._wholes.get(finding.key, "")
        frame = self._frames.get(cause.of) if is_later(cause) else None
        at = None if frame is None else frame.index.get(finding.key)
        return "" if frame is None or at is None else cause.words(MetricsRow(frame, at))

    def is_as(self, other: FindingWords) -> bool:
        """True if the other has the same inputs."""
        mine, theirs = self._frames, other._frames
        alike = self._wholes == other._wholes and mine.keys() == theirs.keys()
        return alike and all(_same(mine[kind], theirs[kind]) for kind in mine)


class WordedFindings(Sequence[Finding]):
    """Findings with their words, put together as they are read."""

    __slots__ = ("_bare", "_words")

    def __init__(self, bare: tuple[Finding, ...], words: FindingWords) -> None:
        self._bare = bare
        self._words = words

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | Sequence[Finding]:
        return WordedFindings(self._bare[at], self._words) if isinstance(at, slice) else self._worded(self._bare[at])

    def __iter__(self) -> Iterator[Finding]:
        return map(self._worded, self._bare)

    def __len__(self) -> int:
        return len(self._bare)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WordedFindings):
            return NotImplemented
        return self._bare == other._bare and (self._words is other._words or self._words.is_as(other._words))

    def __hash__(self) -> int:
        return hash(self._bare)

    def _worded(self, finding: Finding) -> Finding:
        return finding if finding.words else replace(finding, words=self._words.of(finding))


def _frame(snapshot: Snapshot, kind: SubjectKind) -> Frame:
    return snapshot.by_pod if kind is SubjectKind.ENGINE else snapshot.by_gpu


def _same(one: Frame, other: Frame) -> bool:
    return one.keys == other.keys and one.columns == other.columns
