"""A new kind of workload, added from this module: it is listed, joined, shown, scaled and permitted."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from aiohttp import web

from actions.catalogue import spec_of
from console.cli import exit_codes
from console.cli.dispatch import dispatch
from console.commands.command import Context, ScreenId
from console.commands.targets import Choice, Chosen, choose
from fleet.kinds import registry
from fleet.kinds.kind import Replicas, WorkloadKind
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from fleet.sources.kube.resources import all_resources, workloads
from fleet.sources.kube.source import KubernetesSource
from tests.console.cli import kubeconfig
from tests.console.screens.desk import desk
from tests.fleet.sources.kube.api import PODS, Api, Object, reply
from tests.fleet.sources.kube.conftest import QUICK
from tests.waiting import PATIENCE

SERVING_GROUP = WorkloadKind(
    kind="ServingGroup",
    group="example.dev",
    version="v1",
    plural="servinggroups",
    short=("sg",),
    lost="what serving groups want",
    replicas=Replicas(desired=("spec", "size"), ready=("status", "serving")),
    scale="scale",
    replaces="hatches another",
)
NOW = 1_790_000_000.0
TEMPLATE: Object = {
    "containers": [{"name": "vllm", "image": "vllm/vllm-openai:v0.11.0", "args": ["--model", "org/goose"]}]
}
GROUP: Object = {
    "apiVersion": "example.dev/v1",
    "kind": "ServingGroup",
    "metadata": {"name": "geese", "namespace": "serving", "uid": "uid-geese", "resourceVersion": "7"},
    "spec": {"size": 3, "template": {"spec": TEMPLATE}},
    "status": {"serving": 2},
}
COLLECTION = "/apis/example.dev/v1/servinggroups"
OBJECT = "/apis/example.dev/v1/namespaces/serving/servinggroups/geese"


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setattr(registry, "KINDS", (*registry.KINDS, SERVING_GROUP))
    # Made of the line above when the module is imported.
    monkeypatch.setitem(registry.BY_NAME, SERVING_GROUP.kind, SERVING_GROUP)


def member(number: int) -> Object:
    owner = {"kind": "ServingGroup", "name": "geese", "uid": "uid-geese", "controller": True}
    ready = {"type": "Ready", "status": "True" if number else "False"}
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"geese-{number}",
            "namespace": "serving",
            "uid": f"uid-{number}",
            "ownerReferences": [owner],
        },
        "spec": {
            "containers": [{"name": "vllm", "image": "vllm/vllm-openai:v0.11.0", "args": ["--model", "org/goose"]}]
        },
        "status": {"phase": "Running", "conditions": [ready]},
    }


def populate(api: Api, *, but: str = "") -> None:
    """A cluster with one group of three pods; ``but`` is a resource that may not be read."""
    for resource in all_resources():
        if not resource.optional:
            api.objects.setdefault(resource.path(), {})
    api.put(GROUP, COLLECTION)
    for number in range(3):
        api.put(member(number), PODS)

    async def review(request: web.Request) -> web.StreamResponse:
        asked = (await request.json())["spec"]["resourceAttributes"]
        return web.json_response({"status": {"allowed": asked["resource"] != but}}, status=201)

    async def scaled(request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Scale", "apiVersion": "autoscaling/v1", **(await request.json())})

    api.next(lambda request: request.path.endswith("/selfsubjectaccessreviews"), review, 1_000)
    api.next(lambda request: request.method == "GET" and request.path == OBJECT, reply(200, GROUP), 1_000)
    api.next(lambda request: request.method == "PATCH" and request.path == f"{OBJECT}/scale", scaled, 1_000)


@pytest.fixture
def server() -> Iterator[Api]:
    """The same cluster on a thread of its own, for commands that have a loop of theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    api = Api()
    try:
        asyncio.run_coroutine_threadsafe(api.up(), loop).result(PATIENCE)
        yield api
        asyncio.run_coroutine_threadsafe(api.down(), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def command(api: Api, home: Path, *arguments: str) -> int:
    file = kubeconfig(home, f"http://127.0.0.1:{api.port}")
    return dispatch(
        "quarterdeck", [*arguments, "--kubeconfig", str(file)], {"HOME": str(home)}, home / "no-policy.toml"
    )


async def snapshot_of(api: Api) -> Snapshot:
    source = KubernetesSource(api.access(), pace=QUICK)
    await source.start()
    try:
        assert await source.wait_synced(PATIENCE)
        return Builder().build(source.state(), None, source.statuses(), NOW)
    finally:
        await source.close()


async def test_its_row_and_its_pods_are_on_the_fleet_screen(api: Api) -> None:
    populate(api)
    snapshot = await snapshot_of(api)
    assert snapshot.pods_of["serving/ServingGroup/geese"] == ("serving/geese-0", "serving/geese-1", "serving/geese-2")
    async with desk(snapshot) as d:
        row = next(line for line in d.lines if "org/goose · geese" in line)
        assert "2/3" in row
        assert all(f"geese-{number}" in d.text for number in range(3))


async def test_what_it_cannot_do_is_said_in_words(api: Api) -> None:
    populate(api)
    snapshot = await snapshot_of(api)

    def asked(kind: str) -> Choice:
        return choose(spec_of(kind), Context(ScreenId.FLEET, Mock(), snapshot, "serving/ServingGroup/geese"))

    assert asked("restart") == "this is a ServingGroup, and this takes a Deployment or a StatefulSet"
    assert asked("rollback") == "this is a ServingGroup, and this takes a Deployment or a StatefulSet"
    assert asked("pause") == "this is a ServingGroup, and this takes a Deployment"
    assert asked("scale") == (Chosen(snapshot.ref("ServingGroup", "serving", "geese"), "uid-geese"),)


def test_a_snapshot_as_json_has_it(server: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    populate(server)
    assert command(server, tmp_path, "snapshot", "--json") == exit_codes.OK
    (row,) = json.loads(capsys.readouterr().out)["workloads"]
    assert (row["kind"], row["replicas"]["desired"], row["replicas"]["ready"]) == ("ServingGroup", 3, 2)
    assert row["pods"] == [f"serving/geese-{number}" for number in range(3)]


@pytest.mark.parametrize("typed", ["servinggroup/geese", "sg/geese", "geese"])
def test_it_is_scaled_by_name_through_its_path(
    typed: str, server: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(server)
    assert command(server, tmp_path, "scale", typed, "4", "--dry-run", "--json") == exit_codes.OK
    plan: dict[str, Any] = json.loads(capsys.readouterr().out)["plan"]
    assert plan["title"] == "Scale geese from 3 to 4"
    assert plan["target"]["kind"] == "ServingGroup"
    sent = [asked for asked in server.requests if asked.method == "PATCH"]
    assert [(asked.path, asked.query["dryRun"]) for asked in sent] == [(f"{OBJECT}/scale", "All")]


def test_what_it_is_not_for_is_refused_on_the_command_line(
    server: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(server)
    assert command(server, tmp_path, "restart", "servinggroup/geese") == exit_codes.USAGE
    assert "expected Deployment or StatefulSet or Pod, not ServingGroup" in capsys.readouterr().err


def test_the_roles_have_its_permissions(capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for role in ("auditor", "oncall"):
        assert dispatch("quarterdeck", ["rbac", role], {}) == exit_codes.OK
        rules = next(yaml.safe_load_all(capsys.readouterr().out))["rules"]
        found[role] = {
            (resource, verb)
            for rule in rules
            for resource in rule["resources"]
            for verb in rule["verbs"]
            if rule["apiGroups"] == ["example.dev"]
        }
    seen = {("servinggroups", verb) for verb in ("get", "list", "watch")} | {("servinggroups/scale", "get")}
    assert found == {"auditor": seen, "oncall": seen | {("servinggroups/scale", "patch")}}


def test_the_doctor_says_what_is_lost_where_it_may_not_be_read(
    server: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    populate(server, but="servinggroups")
    server.denied.add(COLLECTION)
    command(server, tmp_path, "doctor")
    assert "servinggroups.example.dev (list, watch): what serving groups want" in capsys.readouterr().out


async def test_its_pods_make_a_row_where_it_may_not_be_listed(api: Api) -> None:
    populate(api)
    api.denied |= {COLLECTION, workloads(SERVING_GROUP).path("serving"), workloads(SERVING_GROUP).path("default")}
    snapshot = await snapshot_of(api)
    made = snapshot.workloads["serving/ServingGroup/geese"]
    assert (made.desired, made.ready) == (3, 2)
    assert any("not shown: what serving groups want" in note for note in snapshot.sources[0].notes)
