"""The three patches: the examples of their RFCs, and what kubectl sends."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.api.patches import PatchError, json_patch, merge_patch, strategic_patch


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


def test_a_strategic_patch_merges_containers_by_name_and_keeps_the_rest_of_them() -> None:
    pod = {
        "containers": [
            {
                "name": "vllm",
                "image": "v1",
                "env": [{"name": "A", "value": "1"}],
                "resources": {"limits": {"gpu": "4"}},
            },
            {"name": "sidecar", "image": "s"},
        ]
    }
    patch = {"containers": [{"name": "vllm", "image": "v2", "env": [{"name": "B", "value": "2"}]}]}
    found = strategic_patch(pod, patch)["containers"]
    assert found[0]["image"] == "v2"
    assert found[0]["resources"] == {"limits": {"gpu": "4"}}
    assert [env["name"] for env in found[0]["env"]] == ["A", "B"]
    assert found[1] == {"name": "sidecar", "image": "s"}


def test_the_directives_of_a_strategic_patch() -> None:
    containers = {"containers": [{"name": "a"}, {"name": "b"}]}
    assert strategic_patch(containers, {"containers": [{"name": "a", "$patch": "delete"}]}) == {
        "containers": [{"name": "b"}]
    }
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"old": 1}}
    assert strategic_patch({"t": template}, {"t": {"$patch": "replace", "spec": {"new": 1}}}) == {
        "t": {"spec": {"new": 1}}
    }
    assert strategic_patch({"finalizers": ["a"]}, {"finalizers": ["a", "b"]}) == {"finalizers": ["a", "b"]}
    assert strategic_patch({"args": ["a"]}, {"args": ["b"]}) == {"args": ["b"]}, "a list without keys is replaced"
    assert strategic_patch({"a": 1}, {"a": None, "$setElementOrder/x": []}) == {}


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [  # RFC 6902, appendix A
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        ({"foo": ["a", "c"]}, [{"op": "add", "path": "/foo/1", "value": "b"}], {"foo": ["a", "b", "c"]}),
        ({"foo": ["a"]}, [{"op": "add", "path": "/foo/-", "value": ["b"]}], {"foo": ["a", ["b"]]}),
        ({"a": 1, "b": 2}, [{"op": "remove", "path": "/a"}], {"b": 2}),
        ({"foo": ["a", "b", "c"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["a", "c"]}),
        ({"a": 1}, [{"op": "replace", "path": "/a", "value": 2}], {"a": 2}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {}},
            [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
            {"foo": {"bar": "baz"}, "qux": {"thud": "fred"}},
        ),
        ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ],
)
def test_json_patch(document: Any, operations: list[dict[str, Any]], result: Any) -> None:
    assert json_patch(document, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/a/b/c", "value": 1},
        {"op": "add", "path": "/list/7", "value": 1},
        {"op": "spoil", "path": "/a"},
    ],
)
def test_a_json_patch_that_does_not_fit_changes_nothing(operation: dict[str, Any]) -> None:
    document = {"a": 1, "list": []}
    with pytest.raises(PatchError):
        json_patch(document, [{"op": "replace", "path": "/a", "value": 1}, operation])
    assert document == {"a": 1, "list": []}
