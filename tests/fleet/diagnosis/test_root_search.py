"""Roots of the findings of large workloads: the first to blame, and found without comparing each with each."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest

from fleet.diagnosis import registry
from fleet.diagnosis.incidents import root_search
from fleet.diagnosis.incidents.grouping import Groups
from fleet.diagnosis.incidents.root_search import RootSearch, roots_of
from fleet.model.finding import Finding, FindingState
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot
from tests.fleet.diagnosis.fleets import CHAT, Fleet
from tests.fleet.diagnosis.test_made_anew import Ticks
from tests.fleet.rows import NOW

CAUSES = {cause.id: cause for cause in registry.CAUSES}
REPLICAS = 200
LOADS, PREEMPTS, TROUBLE = "loading-takes-long", "kv-cache-preempts", "replicas-in-trouble"


def _finding(cause: str, key: str, since: float = NOW, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(cause, CAUSES[cause].of.value, key, severity, "", FindingState.FIRING, since, "the test")


def _roots(snapshot: Snapshot, findings: Sequence[Finding]) -> list[Finding]:
    search = RootSearch(snapshot, findings, CAUSES)
    return [search.root(one) for one in findings]


def _replicas(numbers: Iterable[int]) -> list[str]:
    return [f"serving/chat-{number}" for number in numbers]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Fleet(REPLICAS).at(0)


def test_replicas_that_carry_the_load_of_others_follow_from_the_one_that_is_to_blame(snapshot: Snapshot) -> None:
    load, carry = _replicas(range(0, REPLICAS, 2)), _replicas(range(1, REPLICAS, 2))
    longest = _finding(LOADS, load[7], NOW - 900)
    worst = _finding(LOADS, load[3], severity=Severity.CRITICAL)
    others = [_finding(LOADS, key) for key in load if key not in (longest.key, worst.key)]
    preempting = [_finding(PREEMPTS, key) for key in carry]
    whole = _finding(TROUBLE, CHAT, NOW - 5000)
    roots = _roots(snapshot, [whole, *preempting, *others, longest, worst])
    assert roots == [worst] * (1 + len(preempting)) + [*others, longest, worst]
    assert _roots(snapshot, [*preempting, *others, longest])[0] is longest, "of equals the earliest"


def test_a_finding_is_ranked_once_however_many_replicas_have_the_same(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked: list[Severity] = []

    def noted(severity: Severity) -> int:
        ranked.append(severity)
        return rank(severity)

    monkeypatch.setattr(root_search, "rank", noted)
    keys = _replicas(range(REPLICAS))
    findings = [_finding(LOADS if at % 2 else PREEMPTS, key) for at, key in enumerate(keys)]
    roots = _roots(snapshot, findings)
    assert {one.cause for one in roots} == {LOADS}
    assert len(ranked) == len(findings)


def test_roots_that_are_searched_for_where_something_changed_are_those_of_a_search_for_all() -> None:
    rng, known, snapshot = random.Random(11), Groups(CAUSES), Ticks(hot=True).until(20)
    everything = [finding for one in snapshot.incidents for finding in one.findings]
    everything += [_finding(TROUBLE, key) for key in snapshot.workloads]
    everything += [_finding(LOADS, key, NOW - at) for at, key in enumerate(snapshot.pods) if not at % 7]
    everything += [_finding("gpu-lost", key) for at, key in enumerate(snapshot.gpus) if not at % 5]
    symptoms = 0
    for _ in range(30):
        without = {rng.choice(everything).key for _ in range(3)}
        if rng.random() < 0.7:
            # What workloads share stays as it is.
            without -= snapshot.gpus.keys()
        findings = [one for one in everything if one.key not in without]
        kept, anew = known.of(snapshot, findings), Groups(CAUSES).of(snapshot, findings)
        assert kept == anew
        symptoms += sum(len(one.findings) > one.roots for one in anew)
    assert symptoms


def test_of_workloads_with_the_same_findings_no_root_is_searched_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot, searched = Ticks().until(20), list[str]()

    def noted(_: RootSearch, finding: Finding) -> Finding:
        searched.append(finding.key)
        return finding

    monkeypatch.setattr(RootSearch, "root", noted)
    findings = [_finding(PREEMPTS, key) for key in snapshot.pods]
    roots_of(snapshot, findings, CAUSES)
    assert len(searched) == len(findings)
    searched.clear()
    gone, *rest = findings
    assert roots_of(snapshot, rest, CAUSES, findings, findings) == rest
    assert {snapshot.workload_of[key] for key in searched} == {snapshot.workload_of[gone.key]}
