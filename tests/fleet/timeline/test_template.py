"""The difference between two templates, in words."""

from __future__ import annotations

from typing import Any

import pytest

from actions.audit.redaction import redacted
from fleet.timeline.template import RESTARTED, template_changes
from tests.fleet.timeline.history import template


def changes(before: Any, after: Any) -> tuple[str, ...]:
    return template_changes(before, after, redacted)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (template("vllm:1"), template("vllm:2"), ("image vllm:1 → vllm:2",)),
        (template("v:1", "--model", "a"), template("v:1", "--model", "b"), ("--model a → b",)),
        (
            template("v:1", "--model=a"),
            template("v:1", "--model", "a"),
            ("arguments in a different order or spelling",),
        ),
        (template("v:1", "--tp", "2"), template("v:1"), ("--tp 2 is gone",)),
        (template("v:1"), template("v:1", "--enforce-eager"), ("--enforce-eager is new",)),
        (template("v:1", "--max_num_seqs", "8"), template("v:1", "--max-num-seqs", "9"), ("--max-num-seqs 8 → 9",)),
        (
            template("v:1", resources={"limits": {"nvidia.com/gpu": "1"}}),
            template("v:1", resources={"limits": {"nvidia.com/gpu": "2"}}),
            ("limit of nvidia.com/gpu 1 → 2",),
        ),
        (
            template("v:1", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]),
            template("v:1", env=[{"name": "B", "value": "2"}, {"name": "C", "value": "1"}]),
            ("variable C is new", "variable A is gone", "variable B has a different value"),
        ),
    ],
)
def test_what_changed(before: Any, after: Any, expected: tuple[str, ...]) -> None:
    assert changes(before, after) == expected


def test_the_hash_of_the_template_is_no_change() -> None:
    one, other = template("vllm:1"), template("vllm:1")
    other["metadata"]["labels"]["pod-template-hash"] = "another"
    assert changes(one, other) == ()


def test_a_secret_that_changed_is_told_of_and_not_shown() -> None:
    lines = changes(template("v:1", "--api-key", "sk-abcdefghijk1"), template("v:1", "--api-key", "sk-abcdefghijk2"))
    assert lines == ("--api-key: a hidden value changed",)
    assert not any("sk-" in line for line in changes(template("v:1"), template("v:1", "--api-key", "sk-abcdefghijk1")))


def test_a_restart_by_hand_is_called_one() -> None:
    after = template("vllm:1")
    after["metadata"]["annotations"] = {RESTARTED: "2026-11-21T09:00:00Z"}
    assert changes(template("vllm:1"), after) == ("restart asked for at 2026-11-21T09:00:00Z",)


def test_whatever_else_differs_is_named_by_where_it_stands() -> None:
    before, after = template("vllm:1"), template("vllm:1")
    before["spec"]["terminationGracePeriodSeconds"] = 30
    after["spec"]["terminationGracePeriodSeconds"] = 600
    after["spec"]["volumes"] = [{"name": "shm", "emptyDir": {"medium": "Memory"}}]
    after["spec"]["containers"][0]["readinessProbe"] = {"periodSeconds": 5}
    assert changes(before, after) == (
        "vllm.readinessProbe differs",
        "spec.terminationGracePeriodSeconds 30 → 600",
        "spec.volumes differs",
    )


def test_a_container_that_comes_or_goes() -> None:
    before, after = template("vllm:1"), template("vllm:1")
    after["spec"]["containers"].append({"name": "proxy", "image": "envoy:2"})
    assert changes(before, after) == ("container proxy is new: envoy:2",)
    assert changes(after, before) == ("container proxy is gone",)


def test_anything_may_stand_in_a_template() -> None:
    odd = {"metadata": {"labels": 3}, "spec": {"containers": ["x", {"name": 7, "args": "no"}]}}
    assert changes(odd, odd) == ()
    assert changes(odd, template("vllm:1"))
