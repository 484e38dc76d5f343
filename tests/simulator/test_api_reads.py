"""Lists, watches and gets, beyond what the recordings show."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.simulator.api_support import Server, pod, serving
from tests.waiting import until

PODS = "/api/v1/pods"
A_POD = "/api/v1/namespaces/llm/pods/a"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def names(body: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def fill(server: Server, count: int) -> None:
    for number in range(count):
        server.store.put(pod(f"p{number:03}", f"team-{number % 3}"))


async def walk(server: Server, path: str, **query: str) -> list[str]:
    """Every name of a list read in pages."""
    found: list[str] = []
    token = ""
    while True:
        page = await server.client.get(path, **query, **({"continue": token} if token else {}))
        found += names(page)
        token = page["metadata"].get("continue", "")
        if not token:
            return found


async def test_pages_add_up_to_the_whole_list() -> None:
    async with serving() as server:
        fill(server, 25)
        whole = names(await server.client.get(PODS))
        assert len(whole) == 25
        assert await walk(server, PODS, limit="7") == whole
        inside = names(await server.client.get("/api/v1/namespaces/team-1/pods"))
        assert len(inside) == 8
        assert await walk(server, "/api/v1/namespaces/team-1/pods", limit="3") == inside
        assert await walk(server, PODS, limit="2", labelSelector="app=chat") == whole
        assert await walk(server, PODS, limit="2", labelSelector="app=none") == []


async def test_pages_show_the_state_of_the_first_one() -> None:
    async with serving() as server:
        fill(server, 9)
        first = await server.client.get(PODS, limit="4")
        assert first["metadata"]["remainingItemCount"] == 5
        whole = names(await server.client.get(PODS))
        server.store.delete("v1", "Pod", "team-2", "p008")
        server.store.put(pod("new", "team-2"))
        rest = await server.client.get(PODS, limit="100", **{"continue": first["metadata"]["continue"]})
        assert names(first) + names(rest) == whole
        assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_an_expired_token_is_resumed_inconsistently() -> None:
    async with serving() as server:
        fill(server, 9)
        first = await server.client.get(PODS, limit="4")
        whole = names(await server.client.get(PODS))
        server.store.delete("v1", "Pod", "team-2", "p008")
        server.store.compact()
        token = {"continue": first["metadata"]["continue"]}
        status, body, _ = await server.client.send(PODS, limit="100", **token)
        assert (status, body["reason"]) == (410, "Expired")
        rest = await server.client.get(PODS, limit="100", **{"continue": body["metadata"]["continue"]})
        assert names(first) + names(rest) == [name for name in whole if name != "p008"]


async def test_an_exact_version_shows_the_past() -> None:
    async with serving(version=100) as server:
        fill(server, 3)
        body = await server.client.get(PODS, resourceVersion="102", resourceVersionMatch="Exact")
        assert sorted(names(body)) == ["p000", "p001"]
        assert body["metadata"]["resourceVersion"] == "102"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "x"}, 400),
        ({"resourceVersion": "x"}, 400),
        ({"labelSelector": "a in b"}, 400),
        ({"fieldSelector": "spec.color=red"}, 400),
        ({"watch": "1", "sendInitialEvents": "true"}, 422),
    ],
)
async def test_parameters_that_make_no_sense_are_refused(query: dict[str, str], code: int) -> None:
    async with serving() as server:
        status, body, _ = await server.client.send(PODS, **query)
        assert (status, body["kind"], body["code"]) == (code, "Status", code)


async def test_verbs_that_a_resource_does_not_have_are_refused_and_unknown_things_not_found() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        for method, path in (("DELETE", f"{A_POD}/status"), ("PUT", f"{A_POD}/eviction"), ("DELETE", PODS)):
            status, body, _ = await server.client.send(path, method=method, body={})
            assert (status, body["reason"]) == (405, "MethodNotAllowed")
        for path in ("/api/v1/things", "/apis/apps/v1/pods", "/nothing", "/api/v1/namespaces/a/pods/b/exec"):
            status, body, headers = await server.client.send(path)
            assert (status, body) == (404, "404 page not found\n"), path
            assert headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_representation_that_cannot_be_served_is_not_acceptable() -> None:
    async with serving() as server:
        assert (await server.client.send(PODS, accept="application/yaml"))[0] == 406
        protobuf_first = "application/vnd.kubernetes.protobuf,application/json"
        assert (await server.client.send(PODS, accept=protobuf_first))[0] == 200


async def test_a_table_carries_the_object_that_is_asked_for() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        for include, kind in (("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "Pod")):
            _, body, _ = await server.client.send(PODS, accept=TABLE, includeObject=include)
            shown = body["rows"][0]["object"]
            assert (shown and shown["kind"]) == kind
        _, one, _ = await server.client.send(A_POD, accept=TABLE)
        assert one["rows"][0]["cells"][:3] == ["a", "1/1", "Running"]


async def test_events_are_the_same_objects_in_both_groups() -> None:
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a.1", "namespace": "llm"},
        "involvedObject": {"kind": "Pod", "name": "a"},
        "reason": "BackOff",
        "message": "Back-off restarting",
        "type": "Warning",
        "source": {"component": "kubelet"},
        "count": 3,
    }
    async with serving() as server:
        server.store.put(event)
        core = await server.client.get("/api/v1/events", fieldSelector="involvedObject.name=a,source=kubelet")
        assert [item["message"] for item in core["items"]] == ["Back-off restarting"]
        path = "/apis/events.k8s.io/v1/namespaces/llm/events"
        other = await server.client.get(path, fieldSelector="regarding.name=a")
        assert [item["note"] for item in other["items"]] == ["Back-off restarting"]
        assert other["items"][0]["deprecatedCount"] == 3
        assert "message" not in other["items"][0]
        assert core["items"][0]["metadata"] == other["items"][0]["metadata"]


async def test_a_watch_follows_what_happens() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        version = (await server.client.get(PODS))["metadata"]["resourceVersion"]
        async with server.client.stream(PODS, watch="1", resourceVersion=version) as stream:
            server.store.put(pod("b"))
            server.store.put(pod("a", status={"phase": "Failed"}))
            server.store.delete("v1", "Pod", "llm", "b")
            seen = [await stream.event() for _ in range(3)]
        assert [(kind, obj["metadata"]["name"]) for kind, obj in seen] == [
            ("ADDED", "b"),
            ("MODIFIED", "a"),
            ("DELETED", "b"),
        ]
        versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in seen]
        assert versions == [int(version) + 1, int(version) + 2, int(version) + 3]


async def test_a_watch_without_a_version_begins_with_what_is_there() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        async with server.client.stream(PODS, watch="true") as stream:
            assert (await stream.event())[0] == "ADDED"
            server.store.put(pod("a", status={"phase": "Failed"}))
            assert (await stream.event())[0] == "MODIFIED"


@pytest.mark.parametrize(("initial", "seen"), [("true", ["a", "b"]), ("false", ["b"])])
async def test_the_initial_events_are_a_choice(initial: str, seen: list[str]) -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        query = {"watch": "1", "sendInitialEvents": initial, "resourceVersionMatch": "NotOlderThan"}
        async with server.client.stream(PODS, **query) as stream:
            server.store.put(pod("b"))
            names_seen = [(await stream.event())[1]["metadata"]["name"] for _ in seen]
        assert names_seen == seen


async def test_entering_and_leaving_a_selection() -> None:
    async with serving() as server:
        query = {"watch": "1", "resourceVersion": "1000", "fieldSelector": "status.phase=Running"}
        async with server.client.stream("/api/v1/namespaces/llm/pods", **query) as stream:
            server.store.put(pod("a", status={"phase": "Pending"}))
            server.store.put(pod("x", "elsewhere"))
            server.store.put(pod("a"))
            kind, entered = await stream.event()
            assert (kind, entered["metadata"]["name"]) == ("ADDED", "a")
            server.store.put(pod("a", status={"phase": "Failed"}))
            kind, left = await stream.event()
            assert (kind, left["status"]["phase"]) == ("DELETED", "Running")
            assert left["metadata"]["resourceVersion"] == str(server.store.version)


async def test_a_watch_ends_at_its_timeout_after_a_last_bookmark() -> None:
    async with serving(bookmark_every=60.0) as server:
        server.store.put(pod("a"))
        server.store.put(pod("b", "elsewhere"))
        query = {"watch": "1", "resourceVersion": "1001", "allowWatchBookmarks": "true", "timeoutSeconds": "3"}
        async with server.client.stream("/api/v1/namespaces/llm/pods", **query) as stream:
            events = await stream.rest()
        assert [event["type"] for event in events] == ["BOOKMARK"]
        assert events[0]["object"]["metadata"] == {"resourceVersion": "1002"}
        assert "labels" not in events[0]["object"]["metadata"]


async def test_a_watch_that_the_history_has_left_behind_ends_with_410() -> None:
    async with serving(window=5) as server:
        for number in range(20):
            server.store.put(pod(f"p{number}"))
        async with server.client.stream(PODS, watch="1", resourceVersion="1001") as stream:
            events = await stream.rest()
        assert [(event["type"], event["object"]["code"]) for event in events] == [("ERROR", 410)]
        message = events[0]["object"]["message"]
        assert re.fullmatch(r"too old resource version: 1001 \(\d+\)", message)


async def test_a_watched_table_names_its_columns_once() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        headers = {"Authorization": "Bearer token-of-admin", "Accept": TABLE}
        url = server.client.base + PODS
        async with server.client.session.get(
            url, params={"watch": "1", "timeoutSeconds": "1", "resourceVersion": "1000"}, headers=headers
        ) as response:
            server.store.put(pod("a", status={"phase": "Failed"}))
            lines = (await response.text()).splitlines()
        assert len(lines) == 2
        assert '"columnDefinitions":[' in lines[0]
        assert '"columnDefinitions":null' in lines[1]


async def test_a_client_that_leaves_is_forgotten() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        table = server.store.table("v1", "Pod")
        async with server.client.stream(PODS, watch="1") as stream:
            await stream.event()
            assert len(table.listeners) == 1
            stream.response.close()
        await until(lambda: not table.listeners)


async def test_every_answer_has_an_audit_id_of_its_own() -> None:
    async with serving() as server:
        seen = {(await server.client.send(path))[2]["audit-id"] for path in (PODS, PODS, "/version", "/nothing")}
        assert len(seen) == 4


async def test_a_page_of_a_large_fleet_costs_little() -> None:
    async with serving() as server:
        for number in range(5000):
            server.store.put(pod(f"p{number:04}"))
        page = await server.client.get(PODS, limit="500")
        assert page["metadata"]["remainingItemCount"] == 4500
        # Their kept bytes are what is sent: to parse an object costs ten times as much.
        assert not [entry for entry in server.store.table("v1", "Pod").entries.values() if entry._obj is not None]
