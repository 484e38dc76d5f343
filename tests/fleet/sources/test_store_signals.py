"""The source of signals: what the store says is out of bounds, and nothing where it does not answer."""

from __future__ import annotations

from typing import Any

from fleet.metrics.dialect import Match, Op
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import Health
from fleet.model.store_signals import StoreSignal
from fleet.sources.store_signals import StoreSignalsSource
from tests.waiting import until


class Store:
    """A metrics store with one node whose clock is wrong, until it fails."""

    fails = False
    within = (Match("cluster", Op.EQUAL, "eu"),)
    """The labels that it has found for the cluster in view."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def query(self, text: str, at: float | None = None) -> list[Any]:
        del at
        self.asked.append(text)
        if self.fails:
            raise SourceProblem("no answer within 5 s")
        labels = {"q": "node-clock-off", "instance": "10.0.0.7:9100"}
        return [{"metric": labels, "value": [0, "0.25"]}]

    async def range(self, text: str, start: float, end: float, step: float) -> list[Any]:
        raise NotImplementedError

    async def now(self) -> float:
        raise NotImplementedError


async def test_a_store_that_no_longer_answers_is_no_fault_of_its_own_and_its_signals_are_not_kept() -> None:
    store = Store()

    async def found() -> Store:
        return store

    source = StoreSignalsSource(found, every=0.001)
    await source.start()
    try:
        await until(lambda: source.facts() is not None)
        facts = source.facts()
        assert facts is not None
        assert facts.value.rows == (StoreSignal("node-clock-off", "", "10.0.0.7", "", 0.25),)
        assert all('node_timex_offset_seconds{cluster="eu"}' in text for text in store.asked), "of no other cluster"
        store.fails = True
        await until(lambda: source.facts() is None)
        assert [(one.health, one.problem) for one in source.statuses()] == [
            (Health.OFF, "not read: no answer within 5 s")
        ]
    finally:
        await source.close()
