"""Recent baselines are not requested again."""

from __future__ import annotations

import asyncio

from fleet.baseline.cache import KnownBaselines
from fleet.model.baseline import BaselineQuestion, Baselines
from fleet.model.curve import Series
from fleet.model.quantity import Quantity


async def test_an_answer_is_good_for_minutes_and_two_who_ask_at_once_are_one() -> None:
    asked: list[tuple[str, float]] = []

    async def ask(question: BaselineQuestion) -> Baselines:
        asked.append((question.key, question.at))
        await asyncio.sleep(0)
        return Baselines(problem=question.key)

    known = KnownBaselines(ask)

    async def of(key: str, at: float) -> str:
        return (await known.baselines(BaselineQuestion(key, Series(), (Quantity.WAITING,), at))).problem

    lines = await asyncio.gather(of("a", 1000.0), of("a", 1001.0), of("b", 1000.0))
    assert tuple(lines) == ("a", "a", "b")
    assert await of("a", 1299.0) == "a"
    assert asked == [("a", 1000.0), ("b", 1000.0)]
    await of("a", 1301.0)
    # A replay from an earlier moment does not get a later one's answer.
    await of("a", 500.0)
    assert asked[2:] == [("a", 1301.0), ("a", 500.0)]
