"""managedFields are removed from a list unread, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.sources.kube.managed_fields import without_managed_fields

Object = dict[str, Any]

ENTRY = {
    "manager": "kubelet",
    "operation": "Update",
    "fieldsType": "FieldsV1",
    "fieldsV1": {
        "f:metadata": {"f:uid": {}, "f:ownerReferences": {'k:{"uid":"7"}': {}}},
        "f:spec": {'k:{"name":"}]},\\"spec\\":"}': {".": {}, "f:args": {'v:"managedFields":[': {}}}},
    },
}


def pod(name: str, entries: int = 2, **metadata: Any) -> Object:
    """Return a pod as an API server writes it: managedFields at the end of the metadata."""
    about = {"name": name, "uid": f"uid-{name}", **metadata}
    if entries:
        about["managedFields"] = [ENTRY] * entries
    return {"metadata": about, "spec": {"containers": [{"name": "c", "env": [{}]}]}, "status": {"phase": "Running"}}


def written(*items: Object, **options: Any) -> bytes:
    """A list without blanks."""
    options = {"separators": (",", ":")} | options
    return json.dumps({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items}, **options).encode()


def emptied(value: Any) -> Any:
    """The same with nothing in any managedFields."""
    if isinstance(value, dict):
        return {key: [] if key == "managedFields" else emptied(inner) for key, inner in value.items()}
    return [emptied(inner) for inner in value] if isinstance(value, list) else value


def test_they_are_gone_and_all_else_is_there() -> None:
    content = written(pod("a"), pod("b", entries=0), pod("c", entries=5))
    found = without_managed_fields(content)
    assert json.loads(found) == emptied(json.loads(content))
    assert b"kubelet" not in found


@pytest.mark.parametrize("options", [{"sort_keys": True}, {"separators": (", ", ": ")}, {"indent": 1}])
def test_what_is_written_otherwise_is_left_as_it_is(options: Any) -> None:
    content = written(pod("a", ownerReferences=[{"uid": "o"}]), pod("b"), **options)
    assert without_managed_fields(content) == content


def test_an_object_without_a_spec_does_not_take_the_next_one_with_it() -> None:
    bare = pod("a")
    del bare["spec"]
    content = written(bare, pod("b"), {"metadata": {"name": "c", "uid": "c", "managedFields": []}}, pod("d"))
    found = without_managed_fields(content)
    assert emptied(json.loads(found)) == emptied(json.loads(content))
    assert [item["metadata"]["name"] for item in json.loads(found)["items"]] == ["a", "b", "c", "d"]


def test_a_text_that_talks_of_them_is_a_text() -> None:
    text = '"managedFields":[{"a":1}]},"spec":{"x":1}'
    content = written(
        pod("a", entries=0, annotations={"note": text, text: "note"}), pod("b", annotations={"note": text})
    )
    assert json.loads(without_managed_fields(content)) == emptied(json.loads(content))


@pytest.mark.parametrize("expected", [b"", b'"managedFields":[', b'{"managedFields":[{}]},"spec":', b"<html>"])
def test_what_is_no_list_stays_what_it_is(expected: bytes) -> None:
    assert without_managed_fields(expected).startswith(expected[:17])
    assert len(without_managed_fields(expected)) <= len(expected)


class Searched(bytes):
    """Counts the bytes that were gone through to find something."""

    gone_through = 0

    def find(self, text: Any, *where: Any) -> int:
        found = super().find(text, *where)
        self.gone_through += (found if found >= 0 else len(self)) - (where[0] if where else 0)
        return found


@pytest.mark.parametrize("end", ['}]},"spec":1', '"uid":7}]},"spec":1', '"metadata":7}]},"spec":1', ""])
def test_a_list_is_gone_through_once_however_many_objects_have_no_spec(end: str) -> None:
    searched = Searched(b'{"managedFields":[],"x":' * 1000 + end.encode())
    without_managed_fields(searched)
    # For the beginnings, the ends and the two other keys.
    assert searched.gone_through <= 4 * len(searched)


NASTY = st.text(alphabet='"\\\\{}[],:specmanagdFiluidt', max_size=30) | st.sampled_from(
    ['"managedFields":[', '}]},"spec":', '"uid":', '"metadata":{', "managedFields", "spec", "\\\\"]
)
LEAVES = st.none() | st.integers(0, 3) | NASTY
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3), max_leaves=8
)


@settings(max_examples=200, deadline=None)
@given(
    objects=st.lists(
        st.fixed_dictionaries(
            {
                "metadata": st.fixed_dictionaries(
                    {"name": NASTY, "uid": NASTY, "annotations": st.dictionaries(NASTY, NASTY, max_size=2)},
                    optional={"managedFields": st.lists(st.fixed_dictionaries({"fieldsV1": VALUES}), max_size=2)},
                ),
            },
            optional={"spec": VALUES, "status": VALUES},
        ),
        max_size=4,
    )
)
def test_whatever_stands_in_a_list_only_they_go(objects: list[Object]) -> None:
    # As servers write them: their Go types have status last. Hypothesis has the optional ones in any order.
    order: list[str] = ["metadata", "spec", "status"]
    content = written(*({key: one[key] for key in order if key in one} for one in objects))
    assert emptied(json.loads(without_managed_fields(content))) == emptied(json.loads(content))
