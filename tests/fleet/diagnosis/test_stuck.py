"""Engines that hang, and those of which an empty window proves nothing."""

from __future__ import annotations

from tests.fleet.diagnosis.fleets import WELL, Fleet, Q, causes


def test_an_engine_that_counts_tokens_when_a_request_ends_is_not_called_stuck_by_an_empty_window() -> None:
    fleet = Fleet(4)
    unseen = {Q.RUNNING: 3.0, Q.WAITING: 0.0, Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0}
    fleet.engines["chat-1"] = unseen
    assert fleet.incidents(0, 15, 300) == ()
    fleet.engines["chat-1"] = unseen | {Q.LATEST_TOKENS: 40.0}
    assert fleet.incidents(400) == ()
    fleet.engines["chat-1"] = unseen | {Q.LATEST_TOKENS: 0.0}
    assert causes(fleet.incidents(415, 480)) == ["engine-stuck"]


def test_an_engine_that_hangs_is_one_incident_while_its_rates_fall() -> None:
    fleet = Fleet()
    fleet.at(0)
    found = set[tuple[str, ...]]()
    for seconds in range(15, 90, 5):
        left = max(0.0, 1 - (seconds - 15) / 60)
        rates = {Q.GENERATION_TOKENS: 400 * left, Q.PROMPT_TOKENS: 90 * left}
        fleet.engines["chat-0"] = WELL | rates | {Q.LATEST_TOKENS: 0.0, Q.WAITING: 9.0}
        found.add(tuple(causes(fleet.incidents(seconds))))
    assert found == {("engine-stuck",)}
