"""Profiles: the same numbers are judged by the limits of those who wait for the answers."""

from __future__ import annotations

import pytest

from fleet.diagnosis.profiles import BUILT_IN, ProfileChoice, ProfileRule
from fleet.diagnosis.thresholds import QUEUE_DEEP, THRESHOLDS
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

AUTOCOMPLETE, BATCH = BUILT_IN["autocomplete"], BUILT_IN["batch"]
NAMES = ("typing", "talk", "night")


def snapshot(waiting: float, *rules: ProfileRule, default: Profile = CHAT) -> Snapshot:
    """Three workloads with a pod each, in which as many requests wait."""
    pods = [pod(f"{name}-0", name) for name in NAMES]
    numbers = {engine(f"{name}-0", model=f"org/{name}"): {Quantity.WAITING: waiting} for name in NAMES}
    state = kube(pods, [row for name in NAMES for row in deployment(name)])
    return Builder(profiles=ProfileChoice(default, rules)).build(state, measurement(numbers), [LIVE], NOW)


def severities(seen: Snapshot) -> dict[str, Severity]:
    return {name: seen.assessments[f"serving/{name}-0"].severity for name in NAMES}


RULES = (
    ProfileRule(AUTOCOMPLETE, workloads=("typ*",)),
    ProfileRule(BATCH, namespaces=("serving",), models=("*/night",)),
)


@pytest.mark.parametrize(
    ("waiting", "typing", "talk", "night"),
    [
        (9, Severity.OK, Severity.OK, Severity.OK),
        (10, Severity.WARNING, Severity.OK, Severity.OK),
        (50, Severity.CRITICAL, Severity.WARNING, Severity.OK),
        (500, Severity.CRITICAL, Severity.CRITICAL, Severity.WARNING),
    ],
)
def test_each_workload_is_judged_by_its_own_limits(
    waiting: float, typing: Severity, talk: Severity, night: Severity
) -> None:
    assert severities(snapshot(waiting, *RULES)) == {"typing": typing, "talk": talk, "night": night}


def test_all_patterns_of_a_rule_must_be_met_and_a_rule_without_any_is_for_nobody() -> None:
    elsewhere = ProfileRule(AUTOCOMPLETE, namespaces=("other",), workloads=("typ*",))
    assert set(severities(snapshot(20, elsewhere, ProfileRule(AUTOCOMPLETE))).values()) == {Severity.OK}


def test_what_no_rule_is_for_is_judged_by_the_default() -> None:
    assert severities(snapshot(50, ProfileRule(CHAT, workloads=("talk",)), default=BATCH)) == {
        "typing": Severity.OK,
        "talk": Severity.WARNING,
        "night": Severity.OK,
    }


def test_every_threshold_has_a_name_of_its_own_and_is_stricter_or_looser_the_way_it_says() -> None:
    assert len({one.name for one in THRESHOLDS}) == len(THRESHOLDS)
    assert all(one.about.endswith(".") for one in THRESHOLDS)
    assert QUEUE_DEEP.at(AUTOCOMPLETE) < QUEUE_DEEP.at(CHAT) < QUEUE_DEEP.at(BATCH)
