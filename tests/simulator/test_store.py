"""The store: versions, unchanged content, history and its limits."""

from __future__ import annotations

import pytest

from simulator.store import ExpiredError, Store
from tests.simulator.api_support import START, pod


@pytest.fixture
def store() -> Store:
    return Store(lambda: START, version=100, window=5)


def names(store: Store, version: int) -> list[str]:
    return [entry.key[1] for entry in store.table("v1", "Pod").at(version)]


def test_put_gives_identity_and_a_version_of_its_own(store: Store) -> None:
    store.put(pod("a"))
    store.put(pod("b"))
    first, second = store.list("v1", "Pod")
    assert first["metadata"]["resourceVersion"] == "101"
    assert second["metadata"]["resourceVersion"] == "102"
    assert first["metadata"]["creationTimestamp"] == "2026-09-21T14:13:20Z"
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


def test_identity_survives_a_replacement_and_not_a_deletion(store: Store) -> None:
    store.put(pod("a"))
    before = store.list("v1", "Pod")[0]["metadata"]
    store.put(pod("a", status={"phase": "Failed"}))
    after = store.list("v1", "Pod")[0]["metadata"]
    assert after["uid"] == before["uid"]
    assert after["resourceVersion"] == "102"
    store.delete("v1", "Pod", "llm", "a")
    store.put(pod("a"))
    assert store.list("v1", "Pod")[0]["metadata"]["uid"] != before["uid"]


def test_a_given_uid_is_kept(store: Store) -> None:
    store.put(pod("a", metadata={"uid": "given"}))
    assert store.list("v1", "Pod")[0]["metadata"]["uid"] == "given"


def test_putting_what_is_there_is_no_change(store: Store) -> None:
    store.put(pod("a"))
    store.put(pod("a"))
    read = store.get("v1", "Pod", "llm", "a")
    assert read is not None
    store.put(read)
    store.put(dict(reversed(read.items())))
    assert store.version == 101


def test_what_the_writer_does_to_its_object_later_is_not_stored(store: Store) -> None:
    mine = pod("a")
    store.put(mine)
    mine["status"]["phase"] = "Failed"
    stored = store.get("v1", "Pod", "llm", "a")
    assert stored is not None
    assert stored["status"]["phase"] == "Running"
    store.put(mine)
    assert store.version == 102


def test_lists_are_in_order_of_namespace_and_name(store: Store) -> None:
    for name, namespace in (("b", "x"), ("a", "y"), ("a", "x")):
        store.put(pod(name, namespace))
    found = [(p["metadata"]["namespace"], p["metadata"]["name"]) for p in store.list("v1", "Pod")]
    assert found == [("x", "a"), ("x", "b"), ("y", "a")]
    assert [p["metadata"]["name"] for p in store.list("v1", "Pod", "x")] == ["a", "b"]


def test_the_past_is_what_it_was(store: Store) -> None:
    store.put(pod("a"))
    store.put(pod("b"))
    store.delete("v1", "Pod", "llm", "a")
    store.put(pod("b", status={"phase": "Failed"}))
    assert names(store, 100) == []
    assert names(store, 101) == ["a"]
    assert names(store, 102) == ["a", "b"]
    assert names(store, 103) == ["b"]
    assert store.table("v1", "Pod").at(103)[0].obj["status"]["phase"] == "Running"
    assert store.table("v1", "Pod").at(104)[0].obj["status"]["phase"] == "Failed"


def test_the_history_is_bounded(store: Store) -> None:
    for number in range(8):
        store.put(pod(f"p{number}"))
    table = store.table("v1", "Pod")
    assert [change.version for change in table.since(103)] == [104, 105, 106, 107, 108]
    with pytest.raises(ExpiredError) as expired:
        table.since(102)
    assert expired.value.oldest == 103


def test_compaction_forgets_for_every_kind_also_those_to_come(store: Store) -> None:
    store.put(pod("a"))
    store.compact()
    for kind in ("Pod", "Service"):
        with pytest.raises(ExpiredError):
            store.table("v1", kind).at(100)
    assert names(store, 101) == ["a"]


def test_listeners_hear_of_changes_while_they_listen(store: Store) -> None:
    heard: list[int] = []
    with store.table("v1", "Pod").listening(lambda: heard.append(store.version)):
        store.put(pod("a"))
        store.put(pod("a"))
        store.delete("v1", "Pod", "llm", "a")
        store.delete("v1", "Pod", "llm", "a")
    store.put(pod("b"))
    assert heard == [101, 102]
