"""Attributes that separate slow replicas from fast ones; and the statement that nothing does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.latency.separation import Separation, number_words, replicas_of, separations
from fleet.latency.slowness import DECODE
from tests.fleet.diagnosis.fleets import CHAT, WELL, Fleet, Q

SLOW = {**WELL, Q.GENERATION_TOKENS: 150.0}


def by_decode(fleet: Fleet) -> Separation:
    found = separations(fleet.at(0), CHAT)
    return next(one for one in found if one.measure is DECODE)


def in_racks() -> Fleet:
    """Twelve replicas on three nodes, four on each; those of the first node are slow."""
    fleet = Fleet(12)
    for i, name in enumerate(fleet.pods):
        fleet.of(name, node=f"n{i // 4}")
    fleet.engines |= {f"chat-{i}": SLOW for i in range(4)}
    return fleet


def test_a_node_whose_replicas_alone_are_slow_is_named() -> None:
    found = by_decode(in_racks())
    assert found.slow == {f"serving/chat-{i}" for i in range(4)}
    (named,) = found.named
    assert named.attributes == ("node n0",)
    assert (named.having, named.slow) == (found.slow, 4)
    # One of the 495 ways in which four of twelve can be slow, and there are three nodes.
    assert named.chance == pytest.approx(3 / 495)


def test_two_slow_ones_that_share_a_node_of_many_may_do_so_by_luck() -> None:
    fleet = Fleet(14)
    fleet.engines |= dict.fromkeys(("chat-0", "chat-1"), SLOW)
    found = by_decode(fleet)
    assert found.named == ()
    assert found.divisions[0].attributes == ("node n0",)
    # The chance that some node has both: that the second is on the node of the first is one in thirteen.
    assert found.divisions[0].chance == pytest.approx(found.tests / 91)


def test_attributes_that_come_to_the_same_are_one_test() -> None:
    fleet = in_racks()
    fleet.nodes["n0"] = replace(fleet.nodes["n0"], labels={"nvidia.com/cuda.driver-version.full": "550.1"})
    found = by_decode(fleet)
    assert found.tests == by_decode(in_racks()).tests
    assert [one.attributes for one in found.named] == [("node n0", "driver 550.1")]


def test_a_number_divides_at_its_widest_gap() -> None:
    fleet = Fleet(16)
    slow = ("chat-1", "chat-4", "chat-9")
    fleet.engines |= dict.fromkeys(slow, SLOW)
    for i, name in enumerate(fleet.gpus):
        fleet.gpus[name] = {**fleet.gpus[name], Q.SM_CLOCK: 1200.0 if name in slow else 1900.0 + i}
    (named,) = by_decode(fleet).named
    assert named.attributes == ("SM clock at most 1200 MHz",)


def test_one_slow_replica_cannot_be_told_by_a_test_and_that_is_said() -> None:
    fleet = Fleet(8)
    fleet.engines["chat-3"] = SLOW
    found = by_decode(fleet)
    assert found.slow == {"serving/chat-3"}
    assert not found.named
    assert not found.can_tell
    # What only it has is still reported.
    fleet.reasons["GPU-chat-3"] = ("thermal (hardware)",)
    assert by_decode(fleet).alone == ("clocks lowered by thermal (hardware)",)


def test_slow_ones_here_and_there_have_nothing_in_common() -> None:
    fleet = in_racks()
    fleet.engines |= dict.fromkeys(fleet.engines, WELL) | dict.fromkeys(("chat-0", "chat-5", "chat-6", "chat-10"), SLOW)
    found = by_decode(fleet)
    assert len(found.slow) == 4
    assert found.can_tell
    assert found.named == ()


@pytest.mark.parametrize("replicas", [1, 2, 6])
def test_replicas_that_are_all_alike_are_not_slow(replicas: int) -> None:
    assert all(not one.slow for one in separations(Fleet(replicas).at(0), CHAT))


def test_replicas_that_are_not_ready_are_not_compared() -> None:
    fleet = Fleet(5)
    fleet.of("chat-4", ready=False)
    assert "serving/chat-4" not in replicas_of(fleet.at(0), CHAT)
    assert len(replicas_of(fleet.at(0), CHAT)) == 4


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (518_517.0, "s", "6 days"),
        (7_300.0, "s", "2 h"),
        (90.0, "s", "90 s"),
        (0.374, "ratio", "37%"),
        (71.0, "°C", "71 °C"),
        (1_980.0, "MHz", "1980 MHz"),
        (3.0, "", "3"),
    ],
)
def test_a_limit_is_in_the_unit_that_a_person_says(value: float, unit: str, words: str) -> None:
    assert number_words(value, unit) == words
