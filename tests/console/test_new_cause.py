"""New causes, a row and a line each: their words are on the fleet screen, in the document, and sorted by severity."""

from __future__ import annotations

import json

import pytest

from console.report.snapshot_document import to_json
from console.views.summary import worst_workloads
from fleet.diagnosis import registry
from fleet.diagnosis.cause import EngineCause, Numbers, PodCause, Stage, says
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.signs.metrics_sign import Is, Level
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from fleet.snapshot.builder import Builder
from tests.console.screens.desk import desk
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

HONKING = EngineCause(
    id="engine-honks",
    severity=Severity.CRITICAL,
    sentence="The engine honks at its requests.",
    words=Numbers("honks, {:.0f} hear it", (Quantity.RUNNING,)),
    must=(Level(Quantity.RUNNING, Is.AT_LEAST, 7),),
    must_not=(Level(Quantity.WAITING, Is.ABOVE, 3),),
    explains=("kv-cache-preempts",),
)
MOULTING = PodCause(
    id="pod-moults",
    stage=Stage.SERVING,
    severity=Severity.WARNING,
    sentence="The pod loses its feathers.",
    words=says("moults"),
    must=(Fact("it has the label", "metadata.labels", lambda subject: subject.pod.labels.get("season") == "moult"),),
)
GOOSE, DUCK, SWAN = (f"serving/Deployment/{name}" for name in ("goose", "duck", "swan"))


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two lines."""
    monkeypatch.setattr(registry, "CAUSES", (*registry.CAUSES, HONKING, MOULTING))


def snapshot() -> Snapshot:
    """A goose that honks, a duck that is full, a swan that moults, and a goose that would honk if nobody waited."""
    values = {
        "goose": {Quantity.RUNNING: 9.0, Quantity.WAITING: 0.0, Quantity.PREEMPTIONS: 2.0},
        "duck": {Quantity.RUNNING: 5.0, Quantity.WAITING: 70.0},
        "swan": {Quantity.RUNNING: 5.0},
        "crowd": {Quantity.RUNNING: 9.0, Quantity.WAITING: 4.0},
    }
    labels = {"swan": {"season": "moult"}}
    pods = [pod(f"{name}-0", name, labels=labels.get(name, {})) for name in values]
    m = measurement({engine(f"{name}-0", model=name): numbers for name, numbers in values.items()})
    return Builder().build(kube(pods, [row for name in values for row in deployment(name)]), m, [LIVE], NOW)


def test_it_is_what_its_objects_stand_by_and_comes_before_what_it_explains() -> None:
    values = snapshot().assessments
    assert values["serving/goose-0"] == values[GOOSE] == Assessment(Severity.CRITICAL, "honks, 9 hear it")
    assert values["serving/swan-0"] == values[SWAN] == Assessment(Severity.WARNING, "moults")
    assert values["serving/crowd-0"] == (Severity.OK, ""), "a sign that must not hold does"


def test_the_worst_come_first_in_the_order_that_they_declare() -> None:
    assert worst_workloads(snapshot()) == [GOOSE, DUCK, SWAN]


async def test_their_words_are_on_the_fleet_screen_the_worst_first() -> None:
    async with desk(snapshot()) as d:
        assert "goose: honks, 9 hear it" in d.lines[1]
        assert "honks, 9 hear it" in d.line_with("goose-0 ")
        assert "moults" in d.line_with("▲ swan")
        rows = [d.lines.index(d.line_with(row)) for row in ("■ goose  ", "▲ duck", "▲ swan")]
        assert rows == sorted(rows)


def test_they_are_in_the_document() -> None:
    document = json.loads(to_json(snapshot()))
    pods = {one["name"]: (one["severity"], one.get("reason")) for one in document["pods"]}
    assert pods["goose-0"] == ("critical", "honks, 9 hear it")
    assert pods["swan-0"] == ("warning", "moults")
