"""The label that takes a pod out of service."""

from __future__ import annotations

from typing import Any

import pytest

from actions.drain.options import Method
from actions.drain.strategy import TrafficSource, choose, unselected_value
from actions.kubeobj import keys_of, selects

LABELS = {"app": "chat", "pod-template-hash": "7c9f", "serving": "on"}
OWNED = ("ReplicaSet", {"matchLabels": {"app": "chat", "pod-template-hash": "7c9f"}})
STATEFUL = ("StatefulSet", {"matchLabels": {"app": "chat"}})
BOTH = TrafficSource("Service", "chat", {"app": "chat", "serving": "on"})
PLAIN = TrafficSource("Service", "plain", {"app": "chat"})
POOL = TrafficSource("InferencePool", "pool", {"app": "chat"})


def test_a_label_that_only_the_service_selects_is_preferred() -> None:
    strategy = choose(LABELS, OWNED, [BOTH])
    assert strategy.method is Method.LABEL
    assert (strategy.before, strategy.labels) == ({"serving": "on"}, {"serving": "off"})
    assert strategy.services == ("chat",)
    assert not strategy.orphaned


def test_else_the_replica_set_lets_it_go() -> None:
    strategy = choose(LABELS, OWNED, [PLAIN])
    assert strategy.method is Method.ORPHAN
    assert strategy.labels == {"app": "chat-drained"}
    assert not strategy.release


def test_a_stateful_set_lets_nobody_go() -> None:
    strategy = choose(LABELS, STATEFUL, [PLAIN])
    assert strategy.method is Method.EVICT
    assert "StatefulSet" in strategy.why
    assert choose(LABELS, STATEFUL, [PLAIN], wanted=Method.ORPHAN).method is Method.EVICT
    assert choose(LABELS, STATEFUL, [BOTH], first=True).method is Method.LABEL


def test_a_replacement_first_is_started_by_a_label_that_no_service_looks_at() -> None:
    strategy = choose(LABELS, OWNED, [BOTH], first=True)
    assert strategy.method is Method.ORPHAN
    assert strategy.release == {"pod-template-hash": "7c9f-drained"}
    assert strategy.before.keys() == strategy.changed.keys()
    assert not selects(OWNED[1], LABELS | strategy.release), "its ReplicaSet lets it go"
    assert set(BOTH.selector.items()) <= set((LABELS | strategy.release).items()), "and it still serves"
    assert not set(BOTH.selector.items()) <= set((LABELS | strategy.changed).items()), "until then"


def test_one_label_that_leaves_everything_is_better_than_two() -> None:
    sources = [BOTH, PLAIN, POOL]
    strategy = choose(LABELS, OWNED, sources)
    assert strategy.method is Method.ORPHAN, "the label alone would leave two behind"
    assert strategy.labels == {"app": "chat-drained"}
    assert strategy.kept == ()
    assert set(strategy.services) == {"chat", "plain"}, "a pool has no endpoints"


def test_what_goes_on_selecting_it_is_kept_in_mind() -> None:
    strategy = choose(LABELS, OWNED, [BOTH, POOL], wanted=Method.LABEL)
    assert strategy.labels == {"serving": "off"}
    assert strategy.kept == ("InferencePool pool",)
    assert choose(LABELS, STATEFUL, [BOTH, PLAIN]).kept == ("Service plain",)


def test_orphaning_that_is_asked_for_orphans_although_a_label_would_do() -> None:
    owner = ("ReplicaSet", {"matchLabels": {"pod-template-hash": "7c9f"}})
    strategy = choose(LABELS, owner, [TrafficSource("Service", "chat", {"serving": "on"})], wanted=Method.ORPHAN)
    assert strategy.labels == {"serving": "off", "pod-template-hash": "7c9f-drained"}


@pytest.mark.parametrize(
    ("sources", "idle", "words"),
    [([], "", "no Service selects it"), ([BOTH], "it is not ready", "it is not ready")],
)
def test_where_there_is_nothing_to_take_it_out_of_it_is_evicted(
    sources: list[TrafficSource], idle: str, words: str
) -> None:
    strategy = choose(LABELS, OWNED, sources, idle=idle)
    assert strategy.method is Method.EVICT
    assert words in strategy.why
    assert not strategy.changed
    assert strategy.waits is (not idle), "what is out of service already may still have requests"


def test_a_service_without_a_selector_selects_nothing() -> None:
    assert choose(LABELS, OWNED, [TrafficSource("Service", "external", {})]).services == ()


@pytest.mark.parametrize(
    ("value", "taken", "expected"),
    [
        ("on", frozenset(), "off"),
        ("true", frozenset(), "false"),
        ("on", frozenset({("serving", "off")}), "on-drained"),
        ("x" * 63, frozenset(), "x" * 55 + "-drained"),
    ],
)
def test_the_new_value_is_nobodys(value: str, taken: frozenset[tuple[str, str]], expected: str) -> None:
    assert unselected_value("serving", value, taken) == expected
    assert len(unselected_value("serving", value, taken)) <= 63


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        (None, False),
        ({"matchLabels": {"app": "chat"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["chat", "x"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["chat"]}]}, False),
        ({"matchExpressions": [{"key": "serving", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "serving", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "NotIn", "values": ["x"]}]}, True),
    ],
)
def test_selectors_select_as_kubernetes_does(selector: dict[str, Any] | None, expected: bool) -> None:
    assert selects(selector, LABELS) is expected


def test_the_keys_of_a_selector() -> None:
    expressions = [{"key": "tier", "operator": "Exists"}]
    assert keys_of({"matchLabels": {"app": "chat"}, "matchExpressions": expressions}) == {"app", "tier"}
