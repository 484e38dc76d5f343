"""Autoscalers that fail, are blind, are exhausted or oscillate; and those that only seem to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.finding import FindingState
from fleet.model.objects import Condition
from fleet.model.severity import Severity
from tests.fleet.diagnosis.fleets import CHAT, DEEP, WELL, Fleet, Q, autoscaler, causes, rescaled
from tests.fleet.rows import NOW

SEES = Condition("ScalingActive", "True", "ValidMetricFound")
BLIND = Condition("ScalingActive", "False", "FailedGetPodsMetric", "no metrics returned from custom metrics API")
OFF = Condition("ScalingActive", "False", "ScalingDisabled", "the replica count of the target is zero")
UNABLE = Condition("AbleToScale", "False", "FailedGetScale", "deployments.apps is forbidden")
LIMITED = Condition("ScalingLimited", "True", "TooManyReplicas", "more than the maximum replica count")
AT_MINIMUM = Condition("ScalingLimited", "True", "TooFewReplicas", "less than the minimum replica count")


def queue(fleet: Fleet, waiting: float) -> None:
    for name in fleet.pods:
        fleet.engines[name] = WELL | {Q.WAITING: waiting}


def test_a_queue_that_no_replica_may_relieve_has_the_maximum_for_its_root() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES, LIMITED)
    queue(fleet, 70.0)
    fleet.at(0)
    (found,) = (snapshot := fleet.at(60)).incidents
    assert (found.root.cause, found.about, found.state) == ("autoscaler-at-maximum", CHAT, FindingState.FIRING)
    assert {one.cause for one in found.findings} >= {"queue-deep", "replicas-in-trouble"}
    assert found.root.words == "autoscaler at its maximum of 3, requests wait"
    explanation = explain(snapshot, found.root)
    assert [one.text for one in explanation.evidence] == [
        "it wants more replicas than its maximum: maximum 3, has 3",
        "requests wait: 70 per replica",
    ]
    assert explanation.helps[0].command == "bounds"


def test_a_queue_of_which_users_give_up_is_critical() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES, LIMITED)
    queue(fleet, 160.0)
    (found,) = fleet.incidents(0, 60)
    assert (found.root.cause, found.severity) == ("autoscaler-at-maximum", Severity.CRITICAL)


@pytest.mark.parametrize(
    ("conditions", "maximum"),
    [((SEES,), 3), ((SEES, AT_MINIMUM), 3), ((), 5)],
    ids=["free", "at its minimum", "silent"],
)
def test_a_queue_under_an_autoscaler_that_may_add_more_is_only_a_queue(
    conditions: tuple[Condition, ...], maximum: int
) -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(*conditions, maximum=maximum)
    queue(fleet, 70.0)
    assert causes(fleet.incidents(0, 60)) == ["queue-deep"]


def test_one_that_goes_to_and_fro_is_told_without_events_and_not_by_those_of_hours_ago() -> None:
    fleet = Fleet()
    for number in range(7):
        fleet.autoscaler = replace(autoscaler(SEES), desired=3 + number % 2)
        found = fleet.incidents(240.0 * number)
    assert causes(found) == ["autoscaler-flaps"]
    assert found[0].root.words == "autoscaler flaps: 4 replicas 3 times"
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES)
    fleet.events = [replace(rescaled(4, NOW - 60, count=8), first=NOW - 8 * 3600)]
    assert fleet.incidents(0) == ()


def test_at_its_maximum_without_a_queue_or_without_numbers_it_has_what_it_needs() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES, LIMITED)
    queue(fleet, 2.0)
    assert fleet.incidents(0, 60, 600) == ()
    for name in fleet.pods:
        fleet.engines[name] = {key: value for key, value in WELL.items() if key is not Q.WAITING}
    assert fleet.incidents(630, 1200) == ()


def test_the_queue_of_one_replica_counts_over_all_of_them() -> None:
    fleet = Fleet(10)
    fleet.autoscaler = autoscaler(SEES, LIMITED, maximum=10)
    fleet.engines["chat-1"] = DEEP
    assert causes(fleet.incidents(0, 60)) == ["replica-overloaded"], "7 per replica: routing, not capacity"


def test_one_that_does_not_get_its_metric_is_told_with_what_its_controller_says() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(BLIND)
    (pending,) = fleet.incidents(0)
    assert (pending.root.cause, pending.about, pending.state) == ("autoscaler-blind", CHAT, FindingState.PENDING)
    (fires,) = (snapshot := fleet.at(120)).incidents
    assert fires.state is FindingState.FIRING
    (seen,) = explain(snapshot, fires.root).evidence
    assert "FailedGetPodsMetric: no metrics returned" in seen.text


def test_one_whose_workload_is_switched_off_is_not_blind() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(OFF)
    assert fleet.incidents(0, 120, 600) == ()


def test_one_that_may_not_scale_is_not_told_as_blind() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(UNABLE, BLIND)
    assert causes(fleet.incidents(0, 120)) == ["autoscaler-cannot-scale"]


@pytest.mark.parametrize("counted", [False, True], ids=["an event each", "counted by the API server"])
def test_one_that_comes_back_to_the_same_size_three_times_flaps(counted: bool) -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES)
    each = [rescaled(4 - number % 2, NOW - 240.0 * number) for number in range(5)]
    fleet.events = [rescaled(4, NOW, 3), rescaled(3, NOW - 240, 2)] if counted else each
    (found,) = (snapshot := fleet.at(0)).incidents
    assert (found.root.cause, found.root.words) == ("autoscaler-flaps", "autoscaler flaps: 4 replicas 3 times")
    (seen,) = explain(snapshot, found.root).evidence
    assert "to 3 replicas 2 times, to 4 replicas 3 times" in seen.text


def test_a_rise_and_a_fall_are_an_answer_to_the_load() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES)
    sizes = (3, 4, 5, 6, 5, 4, 3)
    fleet.events = [rescaled(size, NOW - 60.0 * number) for number, size in enumerate(sizes)]
    assert fleet.incidents(0, 60) == ()


def test_what_it_did_long_ago_is_no_ground() -> None:
    fleet = Fleet()
    fleet.autoscaler = autoscaler(SEES)
    fleet.events = [rescaled(4 - number % 2, NOW - 1900 - 240.0 * number) for number in range(9)]
    assert fleet.incidents(0, 60) == ()
