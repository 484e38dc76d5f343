"""New dialects on the screens, in ``snapshot --json`` and in the PromQL."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_plus

import pytest

from console.doctor.dialects import check_dialects
from console.report import dialects
from console.report.snapshot_document import to_json
from console.views.detail import detail_lines
from console.views.fleet import FleetModel, fleet_model
from console.views.fleet_order import FleetOrder
from console.views.query import Query
from fleet.model.objects import Pod, Serving
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from tests import toys
from tests.console.screens.desk import desk
from tests.fleet.metrics.fake_prometheus import Fake, measure
from tests.fleet.metrics.pages import V0_33, Load, vllm
from tests.fleet.metrics.rig import Rig
from tests.fleet.rows import deployment, kube, node, pod
from themes.glyphs import UNICODE
from widgets.cells import Number, Text, Usage
from widgets.line import Line


@pytest.fixture(autouse=True)
def _known() -> Iterator[None]:
    with toys.known():
        yield


def _pods() -> list[Pod]:
    return [
        pod("duck-0", "duck", namespace="llm", ip="10.0.0.1", node="n1", gpus=1, serving=Serving("Quacker")),
        pod("swan-0", "swan", namespace="llm", ip="10.0.0.2", serving=Serving("Mute")),
        pod("goose-0", "goose", namespace="llm", ip="10.0.0.3", serving=Serving("vLLM")),
        pod("gate-0", "gate", namespace="edge", ip="10.0.0.4", labels={"app": "drake-gate"}),
    ]


@pytest.fixture
async def snapshot() -> Snapshot:
    """A fleet of three engines, a gateway before one of them, and a card, scraped twice within 10 s."""
    rig = Rig()
    for seconds in (0.0, 10.0):
        pages: dict[str, str | Exception] = {
            "duck-0": toys.engine_page(seconds),
            "swan-0": toys.nameless_page(seconds),
            "goose-0": vllm(V0_33, {"0": Load(running=5)}, "goose"),
            "gate-0": toys.gateway_page(seconds, ("10.0.0.1:7411",)),
            "cards-0": toys.card_page("duck-0"),
        }
        found = await rig.tick(pages, after=10.0)
    spaces = {"duck": "llm", "swan": "llm", "goose": "llm", "gate": "edge"}
    workloads = [w for name, space in spaces.items() for w in deployment(name, namespace=space, gpus=1)]
    return Builder().build(kube(_pods(), workloads, [node("n1")]), found, (), found.at)


def line_text(line: Line) -> str:
    return "".join(span.text for span in line.spans)


def _cells(model: FleetModel, key: str) -> Mapping[str, str | float]:
    def said(cell: object) -> str | float:
        match cell:
            case Text():
                return cell.text
            case Number() | Usage():
                return cell.reading.value
        return ""

    return {column.title: said(cell) for column, cell in zip(model.columns, model.row(key).cells, strict=True)}


async def test_their_numbers_stand_on_the_fleet_screen(snapshot: Snapshot) -> None:
    model = fleet_model(snapshot, Query(), FleetOrder())
    duck = _cells(model, "llm/Deployment/duck")
    assert (duck["ENGINE"], duck["RUN"], duck["WAIT"]) == ("Quacker", 3, 2)
    assert duck["KV"] == pytest.approx(0.4)
    assert duck["TOK/S"] == pytest.approx(20)
    assert duck["GPU%"] == pytest.approx(0.5)
    assert [duck[column] for column in ("GW WAIT", "REJ/S", "RETRY/S")] == pytest.approx([9, 2, 1])
    swan = _cells(model, "llm/Deployment/swan")
    assert (swan["ENGINE"], swan["RUN"], swan["GW WAIT"]) == ("Mute", 1, ""), "no gateway stands before it"
    assert isinstance(swan["WAIT"], float)
    assert math.isnan(swan["WAIT"])
    assert _cells(model, "llm/goose-0")["ENGINE"] == "vLLM"


async def test_the_reason_for_a_dash_is_one_key_away(snapshot: Snapshot) -> None:
    async with desk(snapshot, size=(200, 40)) as d:
        head, row = d.line_with("MODEL · WORKLOAD"), d.line_with(" swan")
        assert "ENGINE" in head
        assert "GW WAIT" in head
        assert "Mute" in row
        assert "–" in row, "it has no metric of waiting requests"
        await d.open("llm/Deployment/swan")
        assert "Mute does not expose: waiting requests" in d.text


async def test_what_they_do_not_expose_is_said_on_their_pages(snapshot: Snapshot) -> None:
    page = "\n".join(line_text(line) for line in detail_lines(snapshot, "llm/swan-0", 160, UNICODE))
    assert "engine Mute" in page
    assert "Mute does not expose: waiting requests, KV cache" in page
    assert "ITL" not in page.partition("does not expose:")[2].splitlines()[0]
    page = "\n".join(line_text(line) for line in detail_lines(snapshot, "llm/Deployment/duck", 160, UNICODE))
    assert "Quacker does not expose:" in page
    assert "queued 9" in page
    assert "Drake" in page
    assert "llm/gate-0   servers behind it: 1" in page, "as its metrics name it"
    assert "Drake does not expose: errors/s, TTFT p95" in page
    page = "\n".join(line_text(line) for line in detail_lines(snapshot, "llm/goose-0", 160, UNICODE))
    assert "does not expose" not in page


async def test_they_stand_in_the_document(snapshot: Snapshot) -> None:
    document = json.loads(to_json(snapshot))
    engines = {pod["name"]: pod["engines"][0] for pod in document["pods"] if pod.get("engines")}
    assert {name: engine["product"] for name, engine in engines.items()} == {
        "duck-0": "Quacker",
        "swan-0": "Mute",
        "goose-0": "vLLM",
    }
    assert engines["duck-0"]["readings"]["requests_running"]["value"] == 3
    assert engines["swan-0"]["model"] == "swan"
    (model,) = [model for model in document["models"] if model["name"] == "duck"]
    assert model["readings"]["gateway_requests_queued"]["value"] == 9
    assert [row["product"] for row in document["gateways"]] == ["Drake", "Drake"]
    assert {row["key"] for row in document["gateways"]} == set(model["gateways"])
    (card,) = document["gpus"]
    assert (card["uuid"], card["readings"]["gpu_power"]["value"]) == ("C-1", 250)


async def test_doctor_and_docs_say_what_proved_them(snapshot: Snapshot) -> None:
    (check,) = check_dialects(snapshot)
    assert check.finding == "here, and supported from documentation only: Drake, Mute, Quacker"
    assert "Quacker (documentation)" in check.details[0]
    rows = [line for line in dialects.lines() if line.startswith("| Mute |")]
    assert rows
    assert "| no | documentation | waiting requests, KV cache" in rows[0]


async def test_prometheus_is_asked_for_their_names() -> None:
    who = {"q": "stamp", "dialect": "Quacker", "namespace": "llm", "pod": "duck-0", "llm": "duck", "shard": "north"}
    there = [({"__name__": name, "q": "present"}, "1") for name in ("drake_open", "quack_kilowords", "cardwatch_heat")]
    fake = Fake({"quack_busy": [(who, str(time.time())), *there]})
    await measure(fake)
    asked = [unquote_plus(request.query["query"]) for request in fake.seen]
    (rates,) = [query for query in asked if "generation_tokens_per_second" in query]
    assert "sum by (pod,llm,shard) (rate(quack_kilowords[60s]) * 1000.0)" in rates
    assert '__name__=~"(quack_|zoo_quack_)(busy|cache_percent|line)"' in rates
    assert "vllm" not in rates, "the store has none of it"
    (before,) = [query for query in asked if "gateway_rejections_per_second" in query]
    assert 'rate(drake_answers_total{code=~"429|503"}[60s])' in before
    assert [query for query in asked if "timestamp(cardwatch_heat)" in query]
