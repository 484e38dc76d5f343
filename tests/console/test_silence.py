"""Silence is an action like any other: planned, confirmed, recorded, followed, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest

from actions.alerting import AlertingWriter
from actions.planning.plan import Mutation, Plan
from actions.running.execution_context import MutationResult
from actions.running.progress import Result
from console.config.settings import AlertmanagerSettings, Settings
from console.views.alert_marks import board
from console.wiring.alerts import configured_alertmanagers
from fleet import guard
from fleet.guard import may_change
from fleet.sources.kube.errors import KubeError, UnreachableError
from fleet.sources.prometheus.products import ALERTMANAGER
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.console.stage import Stage
from tests.console.test_alerts import console
from tests.fleet.sources.alerts.servers import Said, alertmanager, answering
from tests.simulator.api_process import Process, simulator


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


async def cursor_on_alert(stage: Stage, state: str) -> None:
    def found() -> str | None:
        alerts = board(stage.snapshot)
        rows = alerts.rows.items() if alerts is not None else ()
        return next((key for key, row in rows if row.merged.alert.state == state), None)

    await stage.until(lambda: found() is not None)
    key = found()
    assert key is not None
    await stage.until(lambda: state in stage.shown)
    stage.move_to(key)
    await stage.pilot.pause()


@pytest.mark.real("alertmanager")
async def test_it_is_planned_confirmed_seen_and_taken_back(fleet: Process, tmp_path: Path) -> None:
    labels = {"alertname": "Full", "severity": "critical", "pod": "chat-1"}
    with alertmanager(tmp_path) as running:
        running.post(labels, {"alertname": "Other", "pod": "chat-1"})
        async with console(fleet, Said(int(running.url.rpartition(":")[2]))) as stage:
            await stage.line("alerts")
            await stage.until(lambda: "Full" in stage.shown)
            await cursor_on_alert(stage, "firing")
            await stage.line("silence 30")
            screen = await stage.planned()
            plan = screen.plan
            assert isinstance(plan, Plan)
            assert plan.blocks == ()
            (mutation,) = plan.mutations
            assert (mutation.method, mutation.path) == ("POST", f"{running.url}/api/v2/silences")
            sent = {one["name"]: one["value"] for one in mutation.body["matchers"]}
            assert sent == labels
            assert running.silences() == [], "a plan changes nothing"
            page = await stage.apply()
            assert page.action_run is not None
            assert page.action_run.outcome is not None
            assert page.action_run.outcome.result is Result.CONVERGED
            (silence,) = running.silences()
            assert silence["status"]["state"] == "active"
            recorded = stage.recorded()[-1]
            assert recorded.intent.kind == "silence"
            await stage.pilot.press("z")
            undo = await stage.planned()
            assert undo.plan is not None
            assert undo.plan.mutations[0].method == "DELETE"
            page = await stage.apply()
            assert page.action_run is not None
            assert page.action_run.outcome is not None
            assert page.action_run.outcome.result is Result.CONVERGED
            (silence,) = running.silences()
            assert silence["status"]["state"] == "expired"


def writer(url: str = "") -> AlertingWriter:
    settings = Settings(alertmanager=AlertmanagerSettings(url=url, headers={"X-Scope-OrgID": "ops"}))
    # A mutation with a URL never comes to the API server's writer.
    return AlertingWriter(None, list(configured_alertmanagers(settings, {})), may_change)  # type: ignore[arg-type]


def post(url: str) -> Mutation:
    return Mutation("POST", f"{url}/api/v2/silences", {"comment": "x"}, query={})


async def test_credentials_go_to_the_configured_one_and_to_no_other() -> None:
    values = {"/api/v2/silences": {"silenceID": "s1"}}
    with answering(values) as mine, answering(values) as other:
        sender = writer(mine.url)
        assert (await sender.send(post(mine.url))).document == {"silenceID": "s1"}
        await sender.send(post(other.url))
    assert mine.headers[0]["X-Scope-OrgID"] == "ops"
    assert "X-Scope-OrgID" not in other.headers[0]


async def test_a_refusal_is_one_and_what_broke_on_the_way_is_in_doubt() -> None:
    with (
        answering({"/api/v2/silences": (400, b"bad matcher")}) as server,
        pytest.raises(KubeError, match="rejects the query: bad matcher") as refused,
    ):
        await writer().send(post(server.url))
    assert not isinstance(refused.value, UnreachableError)
    with pytest.raises(UnreachableError, match="refuses the connection"):
        await writer().send(post("http://127.0.0.1:1"))


@pytest.mark.parametrize("status", [201, 202, 204])
async def test_what_was_done_is_no_refusal_whatever_the_status(status: int) -> None:
    with answering({"/api/v2/silences": (status, b"")}) as server:
        assert (await writer().send(post(server.url))).document == {}
    assert len(server.headers) == 1


async def test_an_answer_that_does_not_end_leaves_in_doubt_what_was_done() -> None:
    asked: list[bytes] = []
    left = asyncio.Event()

    async def trickle(reader: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        answer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with suppress(ConnectionError):
            while not answer.is_closing():
                answer.write(b" ")
                await answer.drain()
                await asyncio.sleep(0.02)
        answer.close()
        with suppress(ConnectionError):
            await answer.wait_closed()
        left.set()

    async with await asyncio.start_server(trickle, "127.0.0.1", 0) as listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        known = [PrometheusEndpoint(url, timeout=0.5, product=ALERTMANAGER)]
        with pytest.raises(UnreachableError, match="does not finish its answer"):
            await AlertingWriter(None, known, may_change).send(post(url))  # type: ignore[arg-type]
        await left.wait()
    assert len(asked) == 1


async def test_read_only_refuses_it_at_the_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_allowed", frozenset())
    with answering({"/api/v2/silences": {"silenceID": "s1"}}) as server:
        with pytest.raises(KubeError, match="was not sent"):
            await writer().send(post(server.url))
        with pytest.raises(KubeError, match="was not sent"):
            await writer().send(Mutation("DELETE", f"{server.url}/api/v2/silence/s1", None, query={}))
    assert server.seen == []


class ApiServer:
    """The writer of the cluster, and what went through it."""

    def __init__(self) -> None:
        self.sent: list[Mutation] = []

    async def send(self, mutation: Mutation) -> MutationResult:
        self.sent.append(mutation)
        return MutationResult({"silenceID": "s1"}, {"status": 200})


async def test_alertmanagers_are_asked_again_at_once_when_one_was_changed_and_only_then() -> None:
    cluster, asked = ApiServer(), Mock()
    sender = AlertingWriter(cluster, [], may_change, asked)  # type: ignore[arg-type]
    await sender.send(Mutation("DELETE", "/api/v1/namespaces/serving/pods/chat", None, query={}))
    asked.assert_not_called()
    await sender.send(post("/api/v1/namespaces/monitoring/services/alertmanager:9093/proxy"))
    asked.assert_called_once_with()
    with answering({"/api/v2/silences": {"silenceID": "s1"}}) as server:
        await sender.send(post(server.url))
    assert asked.call_count == 2


async def test_one_behind_the_api_server_is_reached_through_its_proxy() -> None:
    cluster = ApiServer()
    sender = AlertingWriter(cluster, [], may_change)  # type: ignore[arg-type]
    path = "/api/v1/namespaces/monitoring/services/alertmanager:9093/proxy"
    answer = await sender.send(post(path))
    assert answer.document == {"silenceID": "s1"}
    assert [(one.method, one.path, dict(one.query)) for one in cluster.sent] == [
        ("POST", f"{path}/api/v2/silences", {})
    ]
