"""The search for causes: it looks where something is new, and a new class of causes is a module and a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from fleet.diagnosis import diagnosis, registry
from fleet.diagnosis.active_causes import ActiveCauses
from fleet.diagnosis.cause import Cause, says
from fleet.diagnosis.cause_search import AGAIN, CauseSearch, SearchByKey
from fleet.diagnosis.diagnosis import Diagnosis
from fleet.diagnosis.searches import searches
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Workload
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from tests.fleets import make_snapshot


class NestCause(Cause[Workload]):
    """A cause at a workload that birds nest in."""

    of = SubjectKind.WORKLOAD

    def subject(self, subjects: Subjects, key: str) -> Workload | None:
        return None if subjects.snapshot is None else subjects.snapshot.workloads.get(key)


NESTS = NestCause(
    id="birds-nest",
    severity=Severity.WARNING,
    sentence="Birds nest in it.",
    words=says("birds nest in it"),
    must=(Fact("it has a nest", "metadata.name", lambda workload: workload.name == "llama-8b"),),
)


class Nests(SearchByKey[NestCause]):
    """Counts its looks."""

    looks = 0

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.workloads,)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        self.looks += 1
        return snapshot.workloads


class SlowNests(Nests):
    """Nests are not built within seconds."""

    least: ClassVar[float] = 30.0
    again: ClassVar[float] = 300.0

    def is_there(self, snapshot: Snapshot, key: str) -> bool:
        return key in snapshot.workloads


def later(snapshot: Snapshot, seconds: float, **changes: Any) -> Snapshot:
    return replace(snapshot, at=snapshot.at + seconds, **changes)


def test_it_returns_the_same_object_while_what_it_reads_is_the_same() -> None:
    before, nests = make_snapshot(3, 2), Nests([NESTS])
    found = nests.at(before)
    assert [one.cause.id for one in found] == ["birds-nest"]
    assert nests.at(later(before, 1)) is found, "the same workloads"
    changed = later(before, 2, workloads=dict(before.workloads))
    assert nests.at(changed) is not found, "others"
    assert nests.looks == 2
    assert nests.at(later(changed, AGAIN)) is not found, "time alone may decide"
    assert nests.looks == 3
    assert nests.at(before)
    assert nests.looks == 4, "and so it does backwards"


def test_a_slow_one_waits_but_does_not_name_what_is_gone() -> None:
    before, nests = make_snapshot(3, 2), SlowNests([NESTS])
    found = nests.at(before)
    emptied = {key: one for key, one in before.workloads.items() if key != found[0].key}
    assert nests.at(later(before, 29, workloads=dict(before.workloads))) is found
    assert not nests.at(later(before, 29, workloads=emptied))
    assert nests.looks == 1
    assert not nests.at(later(before, 30, workloads=emptied))
    assert nests.looks == 2
    assert not nests.at(later(before, 329, workloads=emptied))
    assert nests.looks == 2


def test_a_new_class_of_causes_becomes_an_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CAUSES", (*registry.CAUSES, NESTS))

    def with_nests() -> tuple[CauseSearch[Any], ...]:
        return (*searches(), Nests(registry.causes_of(NestCause)))

    monkeypatch.setattr(diagnosis, "searches", with_nests)
    snapshot = make_snapshot(3, 2)
    named = [one.about for one in Diagnosis().incidents_at(snapshot, ActiveCauses()) if one.sentence == NESTS.sentence]
    assert named == ["serving/Deployment/llama-8b"]


def test_no_class_of_causes_is_searched_for_twice() -> None:
    assert len({type(one) for one in searches()}) == len(searches())
    assert all(one.causes for one in searches())
