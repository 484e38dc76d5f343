"""Numbers of nodes, containers and volumes that are out of bounds: told at what serves, and at nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fleet.diagnosis.families import signal_cause
from fleet.diagnosis.incidents.evidence import explain
from fleet.model.facts import Dated, Facts
from fleet.model.objects import Container
from fleet.model.snapshot import Snapshot
from fleet.model.store_signals import SIGNALS, StoreSignal, StoreSignals
from tests.fleet.diagnosis.fleets import STUCK, Fleet, causes, unready
from tests.fleet.rows import NOW, node

ENGINE = Container("vllm", "vllm:1", ready=True, started=True, state="running", gpus=1)
PROXY = Container("proxy", "envoy:1", ready=True, started=True, state="running")
LATER = (0, 310, 640)


def fleet(*rows: StoreSignal) -> Fleet:
    """A fleet of which these numbers are out of bounds; its second node has an address."""
    made = Fleet()
    made.of(*made.pods, containers=(PROXY, ENGINE), volume_claims=("cache",))
    made.nodes["n1"] = replace(node("n1"), address="10.0.0.7")
    made.facts = Facts({SIGNALS: Dated(NOW, StoreSignals(rows))})
    return made


@pytest.mark.parametrize(
    ("row", "cause", "about", "says"),
    [
        (StoreSignal("cpu-throttled", "serving", "chat-1", "vllm", 0.6), "cpu-throttled", "serving/chat-1", "60%"),
        (
            StoreSignal("memory-near-limit", "serving", "chat-1", "vllm", 0.97),
            "memory-near-limit",
            "serving/chat-1",
            "97%",
        ),
        (StoreSignal("volume-full", "serving", "cache", "", 0.0), "volume-full", "serving/Deployment/chat", "cache"),
        (StoreSignal("node-memory-low", "", "n1", "", 0.02), "node-memory-low", "n1", "2%"),
        (StoreSignal("node-memory-low", "", "10.0.0.7", "", 0.02), "node-memory-low", "n1", "2%"),
        (StoreSignal("node-clock-off", "", "n1", "", 0.2), "node-clock-off", "n1", "0.20 s"),
        (StoreSignal("node-connections-full", "", "n1", "", 0.99), "node-connections-full", "n1", "99%"),
        (StoreSignal("node-memory-errors", "", "n1", "", 2), "node-memory-errors", "n1", "2 uncorrectable"),
        (StoreSignal("fabric-link-flaps", "", "n1", "mlx5_0", 3), "fabric-link-flaps", "n1", "mlx5_0"),
        (StoreSignal("network-link-flaps", "", "n1", "eth0", 9), "network-link-flaps", "n1", "eth0"),
        (
            StoreSignal("container-oom", "serving", "chat-1", "vllm", 1),
            "process-killed-for-memory",
            "serving/chat-1",
            "killed",
        ),
        (StoreSignal("node-memory-stalls", "", "n1", "", 0.4), "node-memory-stalls", "n1", "40%"),
        (StoreSignal("node-disk-full", "", "n1", "/dev/nvme1n1", 0.004), "node-disk-full", "n1", "/dev/nvme1n1"),
        (StoreSignal("node-disk-read-only", "", "n1", "/dev/sda2", 1), "node-disk-read-only", "n1", "/dev/sda2"),
        (StoreSignal("node-service-failed", "", "n1", "openibd.service", 1), "node-service-failed", "n1", "openibd"),
        (StoreSignal("node-cpu-hot", "", "10.0.0.7", "", 40), "node-cpu-hot", "n1", "heat"),
        (StoreSignal("storage-network-fails", "", "n1", "", 12), "storage-network-fails", "n1", "12 requests/s"),
        (StoreSignal("fabric-link-errors", "", "n1", "mlx5_0", 4000), "fabric-link-errors", "n1", "mlx5_0"),
        (StoreSignal("network-errors", "", "n1", "eth0", 0.02), "network-errors", "n1", "2.0%"),
    ],
    ids=lambda one: one.signal + one.name if isinstance(one, StoreSignal) else "",
)
def test_a_number_out_of_bounds_is_told_at_its_object(row: StoreSignal, cause: str, about: str, says: str) -> None:
    made = fleet(row)
    (found,) = made.incidents(*LATER)
    assert (found.root.cause, found.about) == (cause, about)
    snapshot = made.at(LATER[-1])
    assert says in found.root.words
    assert explain(snapshot, found.root).evidence


@pytest.mark.parametrize(
    "row",
    [
        StoreSignal("cpu-throttled", "serving", "chat-1", "proxy", 0.6),
        StoreSignal("cpu-throttled", "serving", "gone-1", "vllm", 0.6),
        StoreSignal("volume-full", "serving", "other", "", 0.0),
        StoreSignal("node-memory-low", "", "10.0.0.99", "", 0.02),
        StoreSignal("of a later version", "", "n1", "", 1.0),
    ],
    ids=["sidecar", "pod that is gone", "another claim", "another machine", "unknown signal"],
)
def test_a_number_of_what_serves_nothing_tells_nothing(row: StoreSignal) -> None:
    assert fleet(row).incidents(*LATER) == ()


def test_a_replica_that_is_slow_for_want_of_cpu_is_no_incident_of_its_own() -> None:
    made = fleet(StoreSignal("memory-near-limit", "serving", "chat-1", "vllm", 0.99))
    died = replace(ENGINE, restarts=4, state="waiting", reason="CrashLoopBackOff", ready=False, last_reason="OOMKilled")
    made.of("chat-1", **unready(NOW, status="CrashLoopBackOff", restarts=4, containers=(died,)))
    (found,) = made.incidents(*LATER)
    assert found.root.cause == "memory-near-limit"
    assert "out-of-memory" in causes((found,)) or "out-of-memory" in {one.cause for one in found.findings}


def test_a_worker_that_was_killed_for_memory_is_why_its_engine_hangs_while_its_pod_is_ready() -> None:
    made = fleet(StoreSignal("container-oom", "serving", "chat-1", "vllm", 1))
    made.engines["chat-1"] = STUCK
    (found,) = made.incidents(*LATER)
    assert (found.root.cause, found.about) == ("process-killed-for-memory", "serving/chat-1")
    assert "engine-stuck" in {one.cause for one in found.findings}


def test_a_container_that_ended_for_memory_is_named_by_its_own_status() -> None:
    made = fleet(StoreSignal("container-oom", "serving", "chat-1", "vllm", 3))
    died = replace(ENGINE, restarts=4, state="waiting", reason="CrashLoopBackOff", ready=False, last_reason="OOMKilled")
    made.of("chat-1", **unready(NOW, status="CrashLoopBackOff", restarts=4, containers=(died,)))
    assert causes(made.incidents(*LATER)) == ["out-of-memory"]


def test_links_and_disks_that_fail_explain_what_the_node_reports() -> None:
    made = fleet(
        StoreSignal("network-link-flaps", "", "n1", "eth0", 9), StoreSignal("network-errors", "", "n1", "eth0", 0.02)
    )
    (found,) = made.incidents(*LATER)
    assert found.root.cause == "network-link-flaps"


def test_signals_are_joined_with_their_objects_once_for_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    joins: list[Snapshot] = []

    def counted(snapshot: Snapshot) -> Mapping[str, Mapping[str, StoreSignal]]:
        joins.append(snapshot)
        return joined(snapshot)

    joined = signal_cause._by_object
    monkeypatch.setattr(signal_cause, "_by_object", counted)
    made = fleet()
    made.facts = Facts(
        {
            SIGNALS: Dated(
                NOW,
                StoreSignals(
                    tuple(
                        StoreSignal("cpu-throttled", "serving", pod.partition("/")[2], "vllm", 0.6)
                        for pod in made.at(0).pods
                    )
                ),
            )
        }
    )
    for seconds in LATER:
        joins.clear()
        (found,) = made.incidents(seconds)
        assert len(found.objects) == len(made.pods) > 2
        # Once to find them, and once for the words of all.
        assert len(joins) <= 2
