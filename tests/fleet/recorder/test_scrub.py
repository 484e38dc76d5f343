"""Scrubbing: no text of the cluster is left, wherever it was; all joins still work."""

from __future__ import annotations

import sqlite3
import zlib
from array import array
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from fleet.model.measurement import GatewayId, GpuId, Table
from fleet.model.objects import (
    Condition,
    Container,
    Event,
    HorizontalPodAutoscaler,
    ModelVersion,
    ObjectRef,
    PodDisruptionBudget,
    Service,
)
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Cluster, Snapshot
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.pseudonyms import HIDDEN, Pseudonyms
from fleet.recorder.reader import Recording
from fleet.recorder.scrub import _KEPT, scrub
from fleet.recorder.writer import RecordingWriter
from fleet.snapshot.builder import Builder
from tests.fleet.recorder.seen import BEGAN, Plain, moments, statuses
from tests.fleet.rows import deployment, engine, kube, measurement, node, pod

SECRET = "titan"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recorder = RecordingWriter(tmp_path / "x.qdr", Plain())
    recorder.describe(context="titan-prod", server="https://titan.example.com", cluster="titan")
    for now, moment in moments(40):
        recorder.note(moment, now)
    recorder.note(whole(), BEGAN + 10_000)
    recorder.close()
    return tmp_path / "x.qdr"


def whole() -> Moment:
    """Something of everything, every text of it with the secret in it where it may be anything."""
    serving = Container(
        "titan-vllm",
        "registry.titan.example.com/team/vllm-openai:v0.11.0",
        message="pulling titan weights failed: 0/5 nodes are available",
        command=(
            "vllm",
            "serve",
            "titan/big-model",
            "--port",
            "8000",
            "--titan-mode=titan",
            "--served-model-name",
            "titan",
        ),
    )
    version = ModelVersion(serving.image, "sha256:titan", "titan/big-model", "titan", "titan-rev")
    rows = [
        pod(
            f"titan-{number}",
            "titan",
            namespace="serving-titan",
            node="titan-node.example.com",
            ip=f"10.20.30.{number}",
            containers=(serving,),
            labels={"app": "titan", "titan.example.com/team": "titan", "pod-template-hash": "titan-1"},
            annotations={"prometheus.io/port": "8000", "titan": "titan"},
            conditions=(Condition("Ready", "False", "ContainersNotReady", "titan is not ready"),),
            version=version,
        )
        for number in range(3)
    ]
    tops = [
        replace(row, namespace="serving-titan", selector={"app": "titan"}) for row in deployment("titan", desired=3)
    ]
    machine = node(
        "titan-node.example.com", address="10.20.0.1", labels={"kubernetes.io/hostname": "titan-node"},
        taints=(("titan.example.com/pool", "titan", "NoSchedule"),),
    )  # fmt: skip
    target = ObjectRef("Deployment", "serving-titan", "titan")
    autoscaler = HorizontalPodAutoscaler("serving-titan", "titan-hpa", "titan-uid", "1", target, 1, 5, 3, 3)
    budget = PodDisruptionBudget("serving-titan", "titan-pdb", "titan-pdb", "1", {"app": "titan"}, 1, 3, 3, 3)
    service = Service("serving-titan", "titan-svc", "titan-svc", "1", "ClusterIP", {"app": "titan"}, (("titan", 80),))
    involved = ObjectRef("Pod", "serving-titan", "titan-0")
    event = Event(
        "serving-titan", "titan-0.1", "titan-event", "1", involved, "uid-titan-0", "Warning", "Failed",
        'Error: secret "titan-key" not found, prompt was: tell me about titan', 1, BEGAN,
    )  # fmt: skip
    state = replace(
        kube(rows, tops, [machine]),
        cluster=Cluster("titan-prod", "titan", "https://titan.example.com:6443", "", "jo@example.com", ("titan",)),
        autoscalers={autoscaler.key: autoscaler},
        budgets={budget.key: budget},
        services={service.key: service},
        events={event.key: event},
    )
    engines = {
        engine(row.name, "titan", namespace="serving-titan", instance=f"{row.ip}:8000"): {Quantity.RUNNING: 4.0 + i}
        for i, row in enumerate(rows)
    }
    gpu = GpuId("GPU-titan", "", "titan-node.example.com", "0", "serving-titan", "titan-0", "NVIDIA H100 80GB HBM3")
    measured = replace(
        measurement(engines, gpus={gpu: {Quantity.GPU_UTIL: 0.5}}),
        at=BEGAN + 10_000,
        gateways=(GatewayId("titan", "titan-gw", "litellm", "titan", "titan:80"),),
        gateway_table=Table(ages=array("d", [1.0])),
        unreachable={"serving-titan/titan-2": "titan said nothing", "10.20.30.9:8000": "refused"},
        notes=("titan is asked twice",),
        throttle_reasons={"GPU-titan": ("power",)},
    )
    found = tuple(replace(one, problem="titan does not answer", endpoint="https://titan:9090/x") for one in statuses())
    return Moment(state, found, measured)


def everything(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        parts = [repr(row) for row in connection.execute("SELECT * FROM about")]
        parts += [zlib.decompress(data).decode("latin-1") for (data,) in connection.execute("SELECT data FROM frames")]
    connection.close()
    return "\n".join(parts).lower()


def test_no_name_no_address_and_no_prompt_is_left(file: Path, tmp_path: Path) -> None:
    assert SECRET in everything(file)
    assert scrub(file, tmp_path / "out.qdr") > 20
    left = everything(tmp_path / "out.qdr")
    for word in (SECRET, "10.20.30", "10.20.0.1", "example.com", "tell me", "chat-0", "llama"):
        assert word not in left, left[max(0, left.find(word) - 80) : left.find(word) + 40]


def test_every_text_of_the_model_is_hidden_unless_it_is_known_to_be_of_nobody(file: Path, tmp_path: Path) -> None:
    """A future field is hidden: here every text of every row is unknown."""
    text = SECRET.capitalize()
    recorder = RecordingWriter(tmp_path / "all.qdr", Plain())
    moment = whole()
    rows: dict[str, Any] = {
        name: {row.key: row for row in (_with_text(each, text) for each in getattr(moment.state, name).values())}
        for name in ("pods", "nodes", "workloads", "links", "autoscalers", "budgets", "services", "events")
    }
    recorder.note(moment._replace(state=replace(moment.state, **rows)), BEGAN)
    recorder.close()
    scrub(tmp_path / "all.qdr", tmp_path / "out.qdr")
    left = everything(tmp_path / "out.qdr")
    assert SECRET not in left, left[max(0, left.find(SECRET) - 80) : left.find(SECRET) + 40]


def _with_text(value: Any, text: str, place: str = "") -> Any:
    """The same with another text in every field that may hold anything."""
    if place in _KEPT or place.endswith((".kind", ".reason", ".dialect")) or isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return f"{text}{place}"
    if is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        return replace(
            value,
            **{each.name: _with_text(getattr(value, each.name), text, f"{name}.{each.name}") for each in fields(value)},
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        name = type(value).__name__
        return type(value)(*(_with_text(getattr(value, each), text, f"{name}.{each}") for each in value._fields))
    if isinstance(value, tuple) and place != "Node.taints":
        return tuple(_with_text(each, text, place) for each in value)
    if isinstance(value, Mapping):
        return {f"{text}{place}{i}": _with_text(each, text, place) for i, each in enumerate(value.values())}
    return value


def built(moment: Moment) -> Snapshot:
    return Builder().build(moment.state, moment.measurement, moment.statuses, BEGAN + 10_000)


def test_all_that_was_joined_is_joined_and_every_number_is_there(file: Path, tmp_path: Path) -> None:
    scrub(file, tmp_path / "out.qdr")
    with Recording(file) as recording:
        before = built(recording.at(recording.last))
        times = recording.changes()
    with Recording(tmp_path / "out.qdr") as recording:
        assert recording.changes() == times
        after = built(recording.at(recording.last))
        assert recording.about["scrubbed"] == "1"
    for name in ("pods", "nodes", "workloads", "models", "engines", "gpus", "unmatched", "workload_of", "events"):
        assert len(getattr(after, name)) == len(getattr(before, name)), name
    assert [len(pods) for pods in after.pods_of.values()] == [len(pods) for pods in before.pods_of.values()]
    assert [len(found) for found in after.gpus_of.values()] == [len(found) for found in before.gpus_of.values()]
    for of in ("by_engine", "by_pod", "by_workload", "by_model", "by_gpu"):
        one, other = getattr(after, of), getattr(before, of)
        assert len(one.keys) == len(other.keys), of
        assert list(one.columns[next(iter(one.columns))].values) == list(other.columns[next(iter(one.columns))].values)
    assert [found.severity for found in after.assessments.values()] == [
        found.severity for found in before.assessments.values()
    ]


def test_it_stays_readable(file: Path, tmp_path: Path) -> None:
    scrub(file, tmp_path / "out.qdr")
    with Recording(tmp_path / "out.qdr") as recording:
        state = recording.at(recording.last).state
    (container,) = next(iter(state.pods.values())).containers
    assert container.image.endswith("/vllm-openai:v0.11.0")
    assert container.command[:2] == ("vllm", "serve")
    assert container.command[3:5] == ("--port", "8000")
    # The model is the same one where the command line, the version and the metrics name it.
    version = next(iter(state.pods.values())).version
    assert (container.command[2], container.command[-1]) == (version.model, version.served_name)
    assert "nodes are available" in container.message
    assert HIDDEN in container.message


def test_a_recording_is_never_written_over(file: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="already"):
        scrub(file, file)


FULL = "0/5 nodes are available: 5 Insufficient nvidia.com/gpu."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (FULL, FULL),
        ("Back-off pulling image registry/secret:1", f"Back-off pulling image {HIDDEN}"),
        ("Hunter2 is the password", f"{HIDDEN} is the {HIDDEN}"),
    ],
)
def test_messages_keep_words_of_nobody(text: str, kept: str) -> None:
    assert Pseudonyms().text(text) == kept


def test_what_may_be_a_commit_is_hidden_where_it_looks_like_a_number_too() -> None:
    names = Pseudonyms()
    serve = ("vllm", "serve", "--revision", "2965541", "--max-model-len", "1048576", "--revision=698703e")
    shown = ("vllm", "serve", "--revision", "value-1", "--max-model-len", "1048576", "--revision=value-2")
    assert names.command(serve) == shown
    assert names.name("2965541", "text") == "value-1", "the same everywhere"
    assert names.image("registry.example.com/vllm-openai:9527884").endswith("vllm-openai:tag-1")
    assert [names.name(text, "text") for text in ("40448", "16Gi", "0.92")] == ["40448", "16Gi", "0.92"]
