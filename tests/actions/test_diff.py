"""The diff that a user sees of a changed template."""

from __future__ import annotations

from typing import Any

from actions.planning.diff import yaml_diff


def variable(name: str, value: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value}], "image": "vllm:v1"}


def test_lines_are_those_of_yaml_with_its_keys_sorted() -> None:
    assert yaml_diff({"b": 1, "a": {"x": 1}}, {"a": {"x": 2}, "b": 1}, ("one", "two")) == (
        "--- one\n+++ two\n@@ -1,3 +1,3 @@\n a:\n-  x: 1\n+  x: 2\n b: 1"
    )


def test_the_same_has_none() -> None:
    assert yaml_diff({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) == ""


def test_values_of_secrets_are_not_shown_and_it_is_said_that_they_differ() -> None:
    found = yaml_diff(variable("HF_TOKEN", "hf_aaaaaaaaaaaaaaaa"), variable("HF_TOKEN", "hf_bbbbbbbbbbbbbbbb"))
    assert "hf_" not in found
    assert "differ too" in found
    assert "-  value: '1'\n+  value: '2'" in yaml_diff(variable("SEED", "1"), variable("SEED", "2"))


def test_references_to_secrets_are_names() -> None:
    def reference(name: str) -> dict[str, Any]:
        return {"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": "token"}}}]}

    assert "name: hub-2" in yaml_diff(reference("hub-1"), reference("hub-2"))
