"""The budgets of a Snapshot: the counts, joined to the existing models and workloads."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.differences import are_same
from fleet.model.snapshot import Snapshot
from fleet.objectives.bucket_edges import snapped
from fleet.objectives.burn_rate import ErrorBudget, Spent
from fleet.objectives.ledger import Ledger, Tally
from fleet.objectives.objective import Indicator, Objective
from fleet.objectives.owners import RequestOwner, stem_of
from fleet.objectives.queries import look

Owns = Callable[[RequestOwner], bool]
"""True if requests of this owner count."""


class Subject(NamedTuple):
    """A model or a workload that has objectives."""

    key: str
    """Key of a model, or of a workload, in the Snapshot."""
    kind: str
    """model or workload."""
    namespace: str
    name: str
    workloads: tuple[str, ...]
    """Keys of the workloads that serve it."""


@dataclass(frozen=True, slots=True)
class ObjectiveRow:
    """One objective of one subject."""

    subject: Subject
    budget: ErrorBudget

    @property
    def key(self) -> str:
        """Unique among the rows."""
        return f"{self.subject.key}:{self.budget.objective.name}"


@dataclass(frozen=True, slots=True)
class ObjectiveBoard:
    """All objectives, fastest-burning first."""

    ledger: Ledger
    rows: tuple[ObjectiveRow, ...]
    of: Mapping[str, tuple[ObjectiveRow, ...]]
    """Key of a model or workload → its objectives; those of a model also apply to its workloads."""

    @property
    def are_promised(self) -> bool:
        """True if the user has set objectives; defaults never raise incidents."""
        return self.ledger.goals.are_set


def ledger_of(snapshot: Snapshot) -> Ledger | None:
    """Return the ledger of a Snapshot; None if nothing is counted."""
    return next((dated.value for dated in snapshot.facts.of(Ledger).values()), None)


class ObjectiveBoardMaker:
    """Makes the board of each Snapshot: the same object while nothing changes."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._board: ObjectiveBoard | None = None

    def board_of(self, snapshot: Snapshot) -> ObjectiveBoard | None:
        """Return the objectives of the view; None if nothing is counted."""
        of = (ledger_of(snapshot), snapshot.models, snapshot.model_of, snapshot.pods_of, snapshot.workloads)
        if not are_same(self._of, of):
            self._of, self._board = of, board_of(snapshot)
        return self._board


def board_of(snapshot: Snapshot) -> ObjectiveBoard | None:
    """Return the objectives of the view; None if nothing is counted."""
    ledger = ledger_of(snapshot)
    if ledger is None:
        return None
    rows = [row for subject, owns in _subjects(snapshot, ledger) for row in _rows(subject, owns, ledger)]
    rows.sort(key=_order)
    of: dict[str, list[ObjectiveRow]] = {}
    for row in rows:
        for key in dict.fromkeys((row.subject.key, *row.subject.workloads)):
            of.setdefault(key, []).append(row)
    return ObjectiveBoard(ledger, tuple(rows), {key: tuple(own) for key, own in of.items()})


def _order(row: ObjectiveRow) -> tuple[int, float, str]:
    budget = row.budget
    return -budget.pace, budget.left if not math.isnan(budget.left) else 2.0, row.key


def models_of(snapshot: Snapshot) -> Iterator[tuple[Subject, Owns]]:
    """The models in view, and which requests are theirs."""
    names = Counter(model.name for model in snapshot.everything.models.values())
    for key, model in snapshot.models.items():
        stems = frozenset(stem for one in model.workloads for stem in stems_of(snapshot, one))
        subject = Subject(key, "model", model.namespace, model.name, model.workloads)
        yield subject, _Model(model.namespace, model.name, stems, names[model.name] == 1)


def _subjects(snapshot: Snapshot, ledger: Ledger) -> Iterator[tuple[tuple[Subject, tuple[Objective, ...]], Owns]]:
    goals = ledger.goals
    for subject, owns in models_of(snapshot):
        if objectives := goals.of_model(subject.namespace, subject.name):
            yield (subject, objectives), owns
    for key in snapshot.model_of:
        workload = snapshot.workloads[key]
        if objectives := goals.of_workload(workload.namespace, workload.name):
            subject = Subject(key, "workload", workload.namespace, workload.name, (key,))
            yield (subject, objectives), _Workload(workload.namespace, frozenset(stems_of(snapshot, key)))


def stems_of(snapshot: Snapshot, workload: str) -> Iterator[str]:
    """Yield the stems of the names of a workload's pods."""
    yield snapshot.workloads[workload].name
    for key in snapshot.pods_of.get(workload, ()):
        if key in snapshot.pods:
            yield stem_of(snapshot.pods[key].name)


@dataclass(frozen=True, slots=True)
class _Model:
    namespace: str
    name: str
    stems: frozenset[str]
    is_alone: bool
    """True if no other namespace serves a model of this name."""

    def __call__(self, owner: RequestOwner) -> bool:
        if owner.model and owner.model != self.name:
            return False
        if owner.model and (owner.namespace == self.namespace or (not owner.namespace and self.is_alone)):
            return True
        return owner.namespace == self.namespace and owner.stem in self.stems


@dataclass(frozen=True, slots=True)
class _Workload:
    namespace: str
    stems: frozenset[str]

    def __call__(self, owner: RequestOwner) -> bool:
        return owner.namespace == self.namespace and owner.stem in self.stems


def _rows(of: tuple[Subject, tuple[Objective, ...]], owns: Owns, ledger: Ledger) -> Iterator[ObjectiveRow]:
    subject, objectives = of
    began = min((at for owner, at in ledger.since.items() if owns(owner)), default=math.nan)
    for objective in objectives:
        spent: dict[float, Spent] = {}
        edge = math.nan
        for window, tallies in ledger.spent.items():
            mine = [tally for owner, tally in tallies.items() if owns(owner)]
            covered = window if math.isnan(began) else max(0.0, min(window, ledger.at[window] - began))
            bad, events, upper = _bad(objective, mine, window, covered)
            edge = upper if math.isnan(edge) else edge
            spent[window] = Spent(bad, events, covered)
        yield ObjectiveRow(subject, ErrorBudget(objective, ledger.goals.period, spent, edge))


def _bad(objective: Objective, tallies: list[Tally], window: float, covered: float) -> tuple[float, float, float]:
    """Return the bad share, the number of events, and the bucket edge used for the objective's seconds."""
    if objective.measure is Indicator.AVAILABILITY:
        if not tallies or covered <= 0:
            return math.nan, math.nan, math.nan
        # The oldest of several workloads: the model has existed at least as long.
        present = max(tally.present for tally in tallies)
        # If the window is longer than the history, one sample more or less is at its edge, and is not an outage.
        seen = present * window + (look(window) if covered < window else 0.0)
        return max(0.0, 1.0 - min(1.0, seen / covered)), math.nan, math.nan
    if objective.measure is Indicator.ERRORS:
        every = math.fsum(tally.all for tally in tallies)
        failed = math.fsum(tally.bad for tally in tallies)
        return (failed / every if every > 0 else math.nan), every * window, math.nan
    return _late(objective, tallies, window)


def _late(objective: Objective, tallies: list[Tally], window: float) -> tuple[float, float, float]:
    """The share that was later than the objective allows, of the buckets that all have."""
    family = objective.family
    parts = [tally.buckets[family] for tally in tallies if family in tally.buckets]  # type: ignore[index]
    counted = [part for part in parts if part.get(math.inf, 0.0) > 0]
    shown = counted or parts
    if not shown:
        return math.nan, math.nan, math.nan
    edge = snapped(objective.seconds, set(shown[0]).intersection(*shown[1:]))
    every = math.fsum(part[math.inf] for part in counted)
    if math.isnan(edge) or not every > 0:
        return math.nan, 0.0, edge
    good = math.fsum(part[edge] for part in counted)
    return max(0.0, 1.0 - good / every), every * window, edge
