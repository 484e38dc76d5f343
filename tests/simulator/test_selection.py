"""Label selectors and tolerations."""

from __future__ import annotations

import pytest

from simulator.selection import matches, tolerates


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "chat"}}, True),
        ({"matchLabels": {"app": "chat", "serving": "on"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["chat", "code"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["chat"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["chat"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "chat"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_selectors(selector: dict[str, object] | None, expected: bool) -> None:
    assert matches(selector, {"app": "chat"}) is expected


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "value": "present"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "absent"}, False),
        ({"key": "other", "operator": "Exists"}, False),
        ({"operator": "Equal"}, False),
    ],
)
def test_tolerations(toleration: dict[str, str], expected: bool) -> None:
    taint = {"key": "gpu", "value": "present", "effect": "NoSchedule"}
    assert tolerates([toleration], taint) is expected
    assert not tolerates(None, taint)
