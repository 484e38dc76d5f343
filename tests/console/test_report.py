"""A Snapshot as a document and as a table."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from console.report.document import SnapshotDocument
from console.report.schema import schema
from console.report.snapshot_document import document, to_json
from console.report.table import table
from console.views.production import is_production
from fleet.model.coverage import Coverage
from fleet.model.histogram import Histogram
from fleet.model.measurement import GpuId, HistogramKey
from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Cluster, Health, Snapshot, SourceStatus
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod
from themes.glyphs import ASCII, UNICODE

GPU = GpuId("GPU-1", "", "n1", "0", "serving", "chat-1-aaaaa", model="NVIDIA H100 80GB HBM3")
THIRD = 1.0 / 3.0


def fleet() -> Snapshot:
    """Three pods: one busy with a GPU, one that crash-loops, one that no metrics name; and an engine without a pod."""
    pods = [
        pod("chat-1-aaaaa", node="n1", gpus=1, gpu_resource="nvidia.com/gpu"),
        pod("chat-1-bbbbb", status="CrashLoopBackOff", ready=False, restarts=5),
        pod("chat-1-ccccc"),
    ]
    engines = {
        engine("chat-1-aaaaa"): {
            Quantity.RUNNING: 12.0,
            Quantity.GENERATION_TOKENS: 1000 * THIRD,
            Quantity.WAITING: 0.0,
        },
        engine("elsewhere"): {Quantity.RUNNING: 1.0},
    }
    waits = Histogram((0.3, 1.0, math.inf), (5.0, 5.0, 5.0))
    measured = measurement(
        engines,
        {Family.QUEUE: {HistogramKey("serving", "llama", "chat-1-aaaaa", "0"): waits}},
        {GPU: {Quantity.GPU_UTIL: 0.5, Quantity.GPU_POWER: math.inf}},
    )
    down = SourceStatus("prometheus", Health.DOWN, NOW - 90, problem="connection refused", remedy="start it")
    return Builder().build(kube(pods, deployment(desired=3), [node("n1")]), measured, [LIVE, down], NOW)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(to_json(fleet()))
    return loaded


def by_key(objects: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return next(o for o in objects if o["key"] == key)


def test_the_document_says_what_it_is_and_validates(made: dict[str, Any]) -> None:
    assert made["schema"] == "quarterdeck/snapshot/v1"
    again = SnapshotDocument.model_validate_json(json.dumps(made))
    assert again == document(fleet())


def test_every_pod_is_in_it_measured_or_not(made: dict[str, Any]) -> None:
    states = {p["name"]: (p["state"], p["metrics"]) for p in made["pods"]}
    assert states["chat-1-aaaaa"] == ("Running", "fresh")
    assert states["chat-1-bbbbb"] == ("CrashLoopBackOff", "missing")
    assert states["chat-1-ccccc"] == ("Running", "missing")


def test_values_are_exact(made: dict[str, Any]) -> None:
    readings = by_key(made["pods"], "serving/chat-1-aaaaa")["readings"]
    assert readings["generation_tokens_per_second"] == {
        "value": 1000 * THIRD,
        "unit": "tokens/s",
        "state": "fresh",
        "age": 0.0,
    }
    assert readings["requests_waiting"]["value"] == 0.0


def test_what_is_missing_is_absent_and_never_zero(made: dict[str, Any]) -> None:
    measured = by_key(made["pods"], "serving/chat-1-aaaaa")
    assert "ttft_p95" not in measured["readings"]
    assert by_key(made["pods"], "serving/chat-1-ccccc")["readings"] == {}
    assert "deleted" not in measured
    assert "null" not in json.dumps(made)


def test_an_infinite_value_is_left_out(made: dict[str, Any]) -> None:
    assert list(by_key(made["gpus"], "GPU-1")["readings"]) == ["gpu_utilisation"]


def test_a_bounded_percentile_says_which_side_the_truth_is_on(made: dict[str, Any]) -> None:
    p99 = by_key(made["pods"], "serving/chat-1-aaaaa")["readings"]["queue_p99"]
    assert (p99["bound"], p99["edge"]) == ("at_most", 0.3)
    assert p99["value"] == pytest.approx(0.297)


def test_objects_refer_to_each_other(made: dict[str, Any]) -> None:
    workload = by_key(made["workloads"], "serving/Deployment/chat")
    assert workload["pods"] == ["serving/chat-1-aaaaa", "serving/chat-1-bbbbb", "serving/chat-1-ccccc"]
    assert workload["model"] == "serving/llama"
    assert by_key(made["models"], "serving/llama")["workloads"][0] == "serving/Deployment/chat"
    gpu = by_key(made["gpus"], "GPU-1")
    assert (gpu["pod"], gpu["node"]) == ("serving/chat-1-aaaaa", "n1")
    [host] = made["nodes"]
    assert (host["gpus_free"], host["gpus_allocatable"], host["gpus"]) == (7, 8, ["GPU-1"])


def test_a_source_says_what_is_wrong(made: dict[str, Any]) -> None:
    assert made["sources"][1] | {"notes": []} == {
        "name": "prometheus",
        "health": "down",
        "since": NOW - 90,
        "problem": "connection refused",
        "remedy": "start it",
        "notes": [],
        "requests": 0,
    }


def test_joins_that_failed_are_listed(made: dict[str, Any]) -> None:
    assert {(o["join"], o["key"].partition("#")[0]) for o in made["loose"]} >= {
        ("pod without metrics", "serving/chat-1-ccccc"),
        ("metrics without a pod", "serving/elsewhere"),
    }


def test_without_any_measurement_readings_are_unknown() -> None:
    bare = json.loads(to_json(Builder().build(kube([pod("chat-1-a")], deployment()), None, [LIVE], NOW)))
    assert [(p["metrics"], p["readings"]) for p in bare["pods"]] == [("unknown", {})]
    assert "measured_at" not in bare
    assert "method" not in bare


def test_a_cause_beside_a_workload_that_is_well_is_its_why() -> None:
    halves = [pod(f"chat-1-{name}", labels={"pod-template-hash": name}, created=NOW - 9000) for name in "ab"]
    engines = {engine(one.name): {Quantity.RUNNING: 1.0} for one in halves}
    snapshot = Builder().build(kube(halves, deployment(desired=2)), measurement(engines), [LIVE], NOW)
    lines = [line for line in table(snapshot, None, UNICODE) if "serving/chat " in line or "chat-1-" in line]
    assert len(lines) == 3
    assert [("half rolled out" in line, line.lstrip()[0]) for line in lines] == [
        (True, "●"),
        (False, "●"),
        (False, "●"),
    ]


@pytest.mark.parametrize("width", [40, 80, 109, 110, 135, 250])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_the_table_fits_its_width(width: int, glyphs: Any) -> None:
    lines = list(table(fleet(), width, glyphs))
    assert max(map(len, lines)) <= max(width, 80)
    assert all(line.isascii() for line in lines) or not glyphs.ascii


def test_the_table_has_the_worst_first_and_a_dash_for_what_is_missing() -> None:
    lines = list(table(fleet(), 135, UNICODE))
    head = next(i for i, line in enumerate(lines) if line.startswith("  WORKLOAD"))
    rows = [line.split() for line in lines[head + 1 :] if "chat-1" in line and "without" not in line]
    assert [row[1] for row in rows] == ["chat-1-bbbbb", "chat-1-ccccc", "chat-1-aaaaa"]
    assert rows[0][0] == UNICODE.critical
    assert rows[1][3:11] == ["–"] * 8
    assert rows[2][3:11] == ["12", "0", "–", "333", "–", "–", "50", "–"]


def test_the_table_says_that_this_is_production() -> None:
    assert next(iter(table(fleet(), 80, UNICODE, production=True))).startswith(
        "test as nobody · PRODUCTION, read-write ·"
    )


@pytest.mark.parametrize(
    ("patterns", "context", "cluster", "expected"),
    [
        (("*prod*",), "eu-Prod-1", "", True),
        (("*prod*",), "admin@x", "arn:aws:eks:eu:cluster/production", True),
        (("live-?",), "live-1", "", True),
        (("live-?",), "live-12", "staging", False),
        ((), "prod", "prod", False),
        (("*",), "", "", False),
    ],
)
def test_what_production_is(patterns: tuple[str, ...], context: str, cluster: str, expected: bool) -> None:
    assert is_production(patterns, context, cluster) is expected


def test_the_table_says_what_is_wrong_with_a_source() -> None:
    assert "prometheus: down · for 1m30s · connection refused" in list(table(fleet(), 80, UNICODE))


def test_names_from_outside_cannot_steer_the_terminal() -> None:
    evil = pod("chat-1-\x1b[31mred\x1b]0;title\x07", status="\x1b[2JGone")
    lines = list(table(Builder().build(kube([evil], deployment()), None, [LIVE], NOW), 80, UNICODE))
    assert not any("\x1b" in line or "\x07" in line for line in lines)
    assert any("chat-1-red" in line for line in lines)


def test_a_long_pod_name_keeps_its_end() -> None:
    name = "chat-" + "x" * 60 + "-k2p4q"
    lines = list(table(Builder().build(kube([pod(name)], deployment()), None, [LIVE], NOW), 80, UNICODE))
    assert any("…xx" in line and "-k2p4q " in line for line in lines)


def test_an_empty_fleet_says_so() -> None:
    lines = list(table(Builder().build(kube(), None, [LIVE], NOW), 80, UNICODE))
    assert lines[-1] == "  no pods"


@pytest.mark.parametrize(
    ("coverage", "namespace", "expected"),
    [
        (Coverage(limited={"pods": ()}), "", "you may not list pods"),
        (Coverage(limited={"pods": ("serving",)}), "", "you may not list pods beyond serving"),
        (Coverage(limited={"pods": ("serving",)}), "batch", "you may not list pods beyond serving"),
        (Coverage(frozenset({"pods"})), "", "the pods of this cluster are not listed yet"),
    ],
)
def test_pods_that_may_not_be_seen_are_not_said_to_be_none(coverage: Coverage, namespace: str, expected: str) -> None:
    cluster = Cluster(context="test", namespace=namespace)
    state = replace(kube(), cluster=cluster, coverage=coverage)
    lines = list(table(Builder().build(state, None, [LIVE], NOW), 80, UNICODE))
    assert lines[-1] == f"  which pods there are is not known: {expected}"
    assert " pods not known " in lines[0]


def test_a_namespace_that_may_be_read_and_is_empty_has_no_pods() -> None:
    state = replace(
        kube(), cluster=Cluster(context="test", namespace="serving"), coverage=Coverage(limited={"pods": ("serving",)})
    )
    lines = list(table(Builder().build(state, None, [LIVE], NOW), 80, UNICODE))
    assert lines[-1] == "  no pods"
    assert " 0 pods " in lines[0]


def test_a_cluster_that_does_not_answer_is_not_said_to_have_no_pods() -> None:
    down = SourceStatus("kubernetes", Health.DOWN, NOW, problem="connection refused")
    lines = list(table(Builder().build(kube(), None, [down], NOW), 80, UNICODE))
    assert lines[-1] == "  which pods there are is not known"


def test_what_an_object_is_stands_before_its_readings() -> None:
    made = json.loads(to_json(fleet()))
    engines = [engine for pod in made["pods"] for engine in pod["engines"]]
    for part in (*made["pods"], *made["workloads"], *made["models"], *made["gpus"], *engines):
        assert list(part)[-2:] == ["metrics", "readings"]
    assert list(made["pods"][0])[:4] == ["key", "namespace", "name", "severity"]


def test_every_field_of_the_document_is_explained() -> None:
    made = json.loads(schema())
    parts = {"": made, **made["$defs"]}
    described = {
        f"{name}.{field}": "description" in about or "$ref" in about
        for name, part in parts.items()
        for field, about in part.get("properties", {}).items()
    }
    assert [field for field, there in described.items() if not there] == []
