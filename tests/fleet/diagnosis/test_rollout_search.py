"""Rollouts that do not go on are searched for among the workloads that are behind: these are looked up once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fleet.diagnosis import registry
from fleet.diagnosis.families.rollout_cause import RolloutCause, StuckRollouts
from fleet.model.objects import Workload
from tests.fleets import make_snapshot


class Counted(Mapping[str, Workload]):
    """Counts how often all of them are gone through."""

    def __init__(self, workloads: Mapping[str, Workload]) -> None:
        self._workloads = workloads
        self.listings = 0

    def __getitem__(self, key: str) -> Workload:
        return self._workloads[key]

    def __iter__(self) -> Iterator[str]:
        self.listings += 1
        return iter(self._workloads)

    def __len__(self) -> int:
        return len(self._workloads)


def test_workloads_are_gone_through_when_they_change_and_not_at_each_tick() -> None:
    before = make_snapshot(3, 2)
    found = Counted(before.workloads)
    rollouts = StuckRollouts(registry.causes_of(RolloutCause))
    for tick in range(3):
        assert not list(rollouts.at(replace(before, workloads=found, at=before.at + tick)))
    assert found.listings == 1
    key, first = next(iter(found.items()))
    changed = Counted({**found, key: replace(first, generation=2, observed=1)})
    named = {one.key for one in rollouts.at(replace(before, workloads=changed, at=before.at + 3600))}
    assert changed.listings == 1
    assert named == {key}
