"""Work of a tick in a fleet with hundreds of sick pods, counted: changed numbers make no new findings and no new
text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from fleet.diagnosis.cause import Numbers
from fleet.diagnosis.incidents import grouping, incident_list
from fleet.diagnosis.incidents.finding_words import FindingWords
from fleet.diagnosis.incidents.grouping import IncidentGroup
from fleet.diagnosis.subjects.subject import MetricsRow
from fleet.model.finding import FindingState, Incident, Reach
from fleet.model.measurement import GpuId
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.diagnosis.fleets import WELL, Q
from tests.fleet.recorder.fleet import fleet
from tests.fleet.rows import LIVE, NOW, engine, measurement

PODS, SICK, EVERY = 600, 300, 2
"""Every second pod is sick."""
TICK = 10.0
FULL = WELL | {Q.KV_USAGE: 0.99, Q.WAITING: 60.0, Q.PREEMPTIONS: 2.0, Q.ERROR_RATIO: 0.2, Q.GENERATION_TOKENS: 300.0}


class Ticks:
    """A fleet whose every second pod has four causes; each tick has other numbers that say the same."""

    def __init__(self, *, hot: bool = False) -> None:
        """``hot``: the GPUs of the sick pods are, which is told with a number in it."""
        self.builder = Builder()
        self._state = fleet(PODS)
        self._hot = hot
        self._gpus = [
            GpuId(f"GPU-{row.name}", "", row.node, "0", row.namespace, row.name) for row in self._state.pods.values()
        ]
        self.engines = [engine(row.name) for row in self._state.pods.values()]
        self._ticks = count()
        self.worse: frozenset[str] = frozenset()
        """Pods whose queue is longer than users wait."""

    def __iter__(self) -> Iterator[Snapshot]:
        return self

    def __next__(self) -> Snapshot:
        tick = next(self._ticks)
        by = 1 + tick % 7 / 1_000
        values = {}
        for at, one in enumerate(self.engines):
            numbers = {quantity: value * by for quantity, value in (WELL if at % EVERY else FULL).items()}
            values[one] = numbers | ({Q.WAITING: 200.0} if one.pod in self.worse else {})
        now = NOW + tick * TICK
        degrees = (60.0 if at % EVERY or not self._hot else 92.0 * by for at in range(len(self._gpus)))
        gpus = {one: {Q.GPU_TEMPERATURE: each} for one, each in zip(self._gpus, degrees, strict=True)}
        return self.builder.build(self._state, measurement(values, at=now, gpus=gpus), [LIVE], now, frozenset())

    def until(self, seconds: float) -> Snapshot:
        """The Snapshot after so many ticks."""
        return [next(self) for _ in range(round(seconds / TICK))][-1]

    @property
    def made(self) -> tuple[int, int]:
        """(Findings, groupings) that were made so far."""
        return self.builder.diagnosed


@pytest.fixture
def formatted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words with numbers of findings, as they are put together."""
    made: list[str] = []
    by_numbers = Numbers.__call__

    def noted(self: Numbers, row: MetricsRow) -> str:
        words = by_numbers(self, row)
        # The rows of the screens have words of their own, made of the whole frame.
        if len(row.frame.keys) == SICK:
            made.append(words)
        return words

    monkeypatch.setattr(Numbers, "__call__", noted)
    return made


def test_new_numbers_of_three_hundred_sick_pods_make_nobody_stand_otherwise() -> None:
    ticks = Ticks()
    first = ticks.until(400)
    made = ticks.made
    second = next(ticks)
    assert second.incidents != first.incidents, "the numbers are others"
    assert second.assessments is first.assessments
    assert ticks.made == made


def test_new_numbers_of_three_hundred_sick_pods_make_no_finding_no_group_and_no_words(formatted: list[str]) -> None:
    ticks = Ticks(hot=True)
    first = ticks.until(400)
    assert sum(len(one.findings) for one in first.incidents) >= 5 * SICK
    made, formatted[:] = ticks.made, []
    second = next(ticks)
    assert second.incidents != first.incidents, "the numbers are others"
    assert ticks.made == made
    assert formatted == []
    words = next(one for one in second.incidents if one.key.startswith("gpu-hot@")).root.words
    assert words.endswith("°C")
    assert formatted == [words]


def test_incidents_that_nobody_reads_are_not_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    of_group = incident_list._incident

    def noted(group: IncidentGroup, reach: Reach, words: FindingWords) -> Incident:
        made.append(group.key)
        return of_group(group, reach, words)

    monkeypatch.setattr(incident_list, "_incident", noted)
    ticks = Ticks()
    ticks.until(400)
    last = next(ticks).incidents
    assert len(last) > 1
    assert made == []
    assert [one.key for one in last] == made, "each once, in their order"
    assert [one.key for one in last] == made


def test_a_snapshot_keeps_its_words_when_the_next_one_has_others() -> None:
    ticks = Ticks()
    first = ticks.until(200)
    words = [one.root.words for one in first.incidents]
    ticks.worse = frozenset(one.pod for one in ticks.engines)
    later = next(ticks)
    assert [one.root.words for one in first.incidents] == words
    assert {one.severity for one in later.incidents} == {Severity.CRITICAL}


def test_one_pod_that_gets_worse_makes_its_own_finding_and_those_of_its_workload() -> None:
    ticks = Ticks()
    before = {(one.cause, one.key): one for each in ticks.until(400).incidents for one in each.findings}
    findings, groupings = ticks.made
    ticks.worse = frozenset({ticks.engines[0].pod})
    after = {(one.cause, one.key): one for each in next(ticks).incidents for one in each.findings}
    others = {place for place, one in after.items() if place not in before or one.severity != before[place].severity}
    others |= {place for place, one in after.items() if place in before and one.state != before[place].state}
    assert ("queue-deep", f"serving/{ticks.engines[0].pod}") in others
    assert {key for _, key in others} == {f"serving/{ticks.engines[0].pod}", "serving/Deployment/chat-0"}
    assert ticks.made == (findings + len(others), groupings + 1)


def test_whom_an_incident_concerns_is_not_looked_up_again_when_more_of_it_fires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ticks = Ticks()
    before = ticks.until(100)
    looked_up: list[int] = []
    monkeypatch.setattr(grouping, "concerned_by", lambda *_: looked_up.append(1))
    after = ticks.until(40)
    assert _firing(after) == _firing(before) + SICK, "errors have lasted long enough"
    assert looked_up == []
    assert [one.reach.workloads for one in after.incidents] == [one.reach.workloads for one in before.incidents]


def test_what_fires_when_nothing_came_or_went_is_what_a_look_at_everything_finds() -> None:
    ticks, looks = Ticks(), Ticks()
    fired = set[int]()
    for tick in range(45):
        if tick == 20:
            ticks.worse = looks.worse = frozenset({ticks.engines[0].pod})
        found, everything = next(ticks), next(looks)
        judgement = looks.builder._judgement
        assert judgement is not None
        # The next tick rates every finding, and makes the groups of what it gets.
        judgement.diagnosis._hysteresis._calm = False
        judgement.diagnosis._groups._ground = ()
        assert list(found.incidents) == list(everything.incidents)
        fired.add(_firing(found))
    assert len(fired) > 2, "not all of them fire at once"


def _firing(snapshot: Snapshot) -> int:
    findings = (finding for incident in snapshot.incidents for finding in incident.findings)
    return sum(finding.state is FindingState.FIRING for finding in findings)


def test_what_eases_says_what_it_said_when_it_held_last() -> None:
    ticks = Ticks()
    ticks.until(400)
    held = next(ticks)
    texts = {(one.cause, one.key): one.words for each in held.incidents for one in each.findings}
    well = dict.fromkeys(ticks.engines, WELL)
    now = held.at + TICK
    after = ticks.builder.build(ticks._state, measurement(well, at=now), [LIVE], now, frozenset())
    easing = [one for each in after.incidents for one in each.findings if one.state is FindingState.RECOVERING]
    assert {one.words for one in easing if one.cause == "kv-cache-preempts"} == {"preempts requests"}
    assert all(one.words == texts[one.cause, one.key] for one in easing)
