"""The pure parts: filters, orders, scales, steps of ages, folding."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.commands.command import Command, Context, ScreenId
from console.commands.dispatch import refusal
from console.views.filter import FilterError, parse_filter
from console.views.fleet import fleet_model
from console.views.fleet_order import FleetOrder
from console.views.nodes import nodes_model
from console.views.query import LazyKeys, Query, by_number
from console.views.root_words import root_reason
from console.views.severity_since import coarse
from console.views.subject import place_of, pod_for, ref_of
from fleet.model.finding import Finding, FindingState, Incident, Reach
from fleet.model.objects import ObjectRef
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment
from tests.console.screens.desk import desk
from tests.fleets import NOW, make_snapshot
from themes.glyphs import UNICODE
from widgets.chart import nice_top
from widgets.grid import Sort, WorstFirst
from widgets.line import folded


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ("app=llama", {"app": "llama"}, True),
        ("app==llama", {"app": "qwen"}, False),
        ("app!=llama", {}, True),
        ("app", {"app": ""}, True),
        ("!app", {"app": "x"}, False),
        ("app in (a, b)", {"app": "b"}, True),
        ("app notin (a,b)", {}, True),
        ("app notin (a,b),tier=x", {"app": "c", "tier": "x"}, True),
        ("kubernetes.io/arch=amd64", {"kubernetes.io/arch": "amd64"}, True),
    ],
)
def test_label_selectors_are_those_of_kubectl(selector: str, labels: dict[str, str], matches: bool) -> None:
    assert parse_filter(f"-l {selector}").matches("", labels) is matches


@pytest.mark.parametrize("text", ["(", "-l", "-l a b", "-l =x", "!["])
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)


@given(st.text(max_size=40))
@example("[[")
def test_no_text_breaks_the_filter(text: str) -> None:
    try:
        found = parse_filter(text)
    except FilterError:
        return
    assert found.matches("some row", {"a": "b"}) in {True, False}


def test_what_has_no_number_comes_last_whichever_way_round() -> None:
    values = {"a": 1.0, "b": math.nan, "c": 3.0}
    assert by_number(values, values.__getitem__, descending=True) == ["c", "a", "b"]
    assert by_number(values, values.__getitem__, descending=False) == ["a", "c", "b"]


def test_an_order_is_worked_out_when_somebody_looks() -> None:
    asked: list[int] = []

    def order(keys: object) -> list[str]:
        asked.append(1)
        return ["b", "a"]

    keys = LazyKeys(("a", "b"), order)
    assert "a" in keys
    assert len(keys) == 2
    assert asked == []
    assert list(keys) == ["b", "a"]
    assert keys[0] == "b"
    assert asked == [1]


class _Compared(str):
    """A key that counts how often it is compared with another."""

    __slots__ = ()
    times: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        type(self).times += 1
        return super().__eq__(other)

    __hash__ = str.__hash__


def test_looking_for_many_marked_rows_goes_through_the_rows_once() -> None:
    keys = LazyKeys(tuple(_Compared(f"pod-{i}") for i in range(500)), lambda keys: keys)
    _Compared.times = 0
    assert sum(f"pod-{i}" in keys for i in range(480, 520)) == 20
    assert _Compared.times <= 40


def test_sorting_by_the_same_column_turns_round() -> None:
    query = Query().sorted_by("wait")
    assert query.sort == Sort("wait", descending=True)
    assert query.sorted_by("wait").sort == Sort("wait", descending=False)
    assert query.sorted_by("name").sort == Sort("name", descending=False)
    assert query.sorted_by("").sort is None


@pytest.mark.parametrize(("highest", "top"), [(0, 10), (10, 10), (11, 20), (21, 50), (51, 100), (1234, 2000)])
def test_scales_end_at_1_2_or_5(highest: float, top: float) -> None:
    assert nice_top([math.nan, highest], 10) == pytest.approx(top)


@pytest.mark.parametrize(("age", "shown"), [(0, 0), (9.9, 0), (41, 40), (61, 60), (119, 60), (3601, 3600)])
def test_ages_go_in_steps(age: float, shown: float) -> None:
    assert coarse(age) == shown


@given(st.text(max_size=200), st.integers(1, 40))
def test_folding_loses_nothing_and_keeps_the_width(text: str, width: int) -> None:
    ascii_text = "".join(char for char in text if char.isascii() and char.isprintable())
    lines = folded(ascii_text, width)
    assert "".join(lines).replace(" ", "") == ascii_text.replace(" ", "")
    assert all(len(line) <= width for line in lines)


def test_a_gpu_stands_for_its_pod_and_a_free_one_for_its_node() -> None:
    snapshot = make_snapshot()
    pod = next(iter(snapshot.gpus_of))
    gpu = snapshot.gpus_of[pod][0]
    namespace, name = pod.split("/")
    assert ref_of(snapshot, gpu) == ObjectRef("Pod", namespace, name, snapshot.cluster.id)
    assert pod_for(snapshot, gpu) == pod
    assert place_of(snapshot, pod) == gpu
    free = replace(snapshot, gpus={**snapshot.gpus, gpu: snapshot.gpus[gpu]._replace(pod="", namespace="")})
    assert ref_of(free, gpu) == ObjectRef("Node", "", snapshot.gpus[gpu].node, snapshot.cluster.id)
    assert pod_for(free, gpu) is None
    assert ref_of(snapshot, "serving/nobody") is None


async def test_what_is_dangerous_is_refused_in_read_only_mode_whoever_asks() -> None:
    ran: list[Context] = []
    command = Command(
        "test.delete",
        "Delete",
        lambda _, context: ran.append(context),
        where=frozenset({ScreenId.FLEET}),
        dangerous=True,
    )
    async with desk(make_snapshot()) as d:
        context = d.screen.context()
        assert refusal(command, context, read_only=False) is None
        assert refusal(command, context, read_only=True) == "Delete: not in read-only mode"
        assert d.desk.snapshot is not None
        cluster = replace(d.desk.snapshot.cluster, read_only=True)
        await d.deliver(replace(d.desk.snapshot, cluster=cluster))
        d.desk.commands.perform(command, context)
        assert ran == []
        assert "not in read-only mode" in d.screen.message_text


def test_the_root_is_told_first_and_only_where_it_is() -> None:
    snapshot = make_snapshot()
    first, second = snapshot.pods_of["serving/Deployment/llama-70b"][:2]
    gpu = snapshot.gpus_of[first][0]
    root = Finding("gpu-xid", "GPU", gpu, Severity.CRITICAL, "XID 79", FindingState.FIRING, NOW, "exporter")
    incident = Incident(
        "k", gpu, "it is lost", (root,), Severity.CRITICAL, FindingState.FIRING, Reach(), (gpu, first, second), 1
    )
    values = {
        first: Assessment(Severity.CRITICAL, "not ready, 3 restarts, XID 79"),
        second: Assessment(Severity.WARNING, "KV cache full"),
        gpu: Assessment(Severity.CRITICAL, "XID 79"),
    }
    found = replace(snapshot, incidents=(incident,), assessments={**snapshot.assessments, **values})
    assert root_reason(found, first) == "XID 79, not ready, 3 restarts"
    assert root_reason(found, second) == "KV cache full"


@pytest.mark.parametrize("state", [FindingState.PENDING, FindingState.FIRING])
@pytest.mark.parametrize("on", ["pod", "GPU", "node"])
def test_a_sign_of_an_incident_has_its_words_beside_it(on: str, state: FindingState) -> None:
    snapshot = make_snapshot()
    pod = snapshot.pods_of["serving/Deployment/llama-70b"][0]
    key = {"pod": pod, "GPU": snapshot.gpus_of[pod][0], "node": snapshot.pods[pod].node}[on]
    found = tuple(
        Finding(f"cause-{words}", on, at, Severity.WARNING, words, state, NOW, "a witness")
        for words, at in (("first words", "elsewhere"), ("second words", key))
    )
    incident = Incident("k", "elsewhere", "both", found, Severity.WARNING, state, Reach(), ("elsewhere", key), 1)
    well = {**snapshot.assessments, key: Assessment(Severity.OK), pod: Assessment(Severity.OK)}
    seen = replace(snapshot, incidents=(incident,), assessments=well)
    model = fleet_model(seen, Query(), FleetOrder()) if on == "pod" else nodes_model(seen, Query(), WorstFirst())
    at = next(i for i, column in enumerate(model.columns) if column.id in ("reason", "why"))
    text = "".join(span.text for span in model.row(key).cells[at].draw(40, "left", UNICODE)).strip()
    assert text == ("◇ second words" if state is FindingState.FIRING else "")
