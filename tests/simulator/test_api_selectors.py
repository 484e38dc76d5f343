"""Label and field selectors."""

from __future__ import annotations

import pytest

from simulator.api.errors import ApiError
from simulator.api.selectors import field_selector, label_selector

LABELS = {"app": "chat", "tier": "gold", "gen": "7"}
POD = {"metadata": {"name": "a"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}}
KNOWN = ("metadata.name", "spec.nodeName", "status.phase", "spec.hostNetwork")


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("app=chat", True),
        ("app==chat", True),
        ("app=other", False),
        ("app!=other", True),
        ("app!=chat", False),
        ("absent!=chat", True),
        ("app", True),
        ("absent", False),
        ("!absent", True),
        ("!app", False),
        ("app in (x, chat)", True),
        ("app in (x,y)", False),
        ("app notin (x,y)", True),
        ("absent notin (x)", True),
        ("app notin (chat)", False),
        ("app=chat,tier in (gold,silver),!draining", True),
        ("app=chat,tier=silver", False),
        ("kubernetes.io/name=", False),
    ],
)
def test_label_selectors(text: str, selected: bool) -> None:
    test = label_selector(text)
    assert test is not None
    assert test(LABELS) is selected


def test_an_empty_selector_selects_everything() -> None:
    assert label_selector("") is None
    assert field_selector("", KNOWN) is None


@pytest.mark.parametrize("text", ["app in chat", "=chat", "app=chat tier=gold", "!app=chat", "gen>7", "a b"])
def test_broken_label_selectors_are_refused(text: str) -> None:
    with pytest.raises(ApiError) as refused:
        label_selector(text)
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("spec.nodeName=n1", True),
        ("spec.nodeName==n2", False),
        ("spec.nodeName!=n2,status.phase=Running", True),
        ("spec.nodeName=", False),
        ("status.phase!=Running", False),
        ("spec.hostNetwork=false", True),
        (r"metadata.name=a\,b", False),
    ],
)
def test_field_selectors(text: str, selected: bool) -> None:
    test = field_selector(text, KNOWN)
    assert test is not None
    assert test(POD) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec.color=red", "field label not supported: spec.color"),
        ("spec.nodeName", "invalid selector: 'spec.nodeName'; can't understand 'spec.nodeName'"),
    ],
)
def test_broken_field_selectors_are_refused(text: str, message: str) -> None:
    with pytest.raises(ApiError) as refused:
        field_selector(text, KNOWN)
    assert (refused.value.code, refused.value.message) == (400, message)
