"""Faults that a GPU's counters show without an XID: memory, links, the fabric."""

from __future__ import annotations

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.severity import Severity
from tests.fleet.diagnosis.fleets import COOL, STUCK, Fleet, Q, causes

ALL_CLEAR = {
    Q.ROW_REMAP_FAILED: 0.0,
    Q.ROW_REMAP_PENDING: 0.0,
    Q.MEMORY_ERRORS: 0.0,
    Q.MEMORY_ERROR_RATE: 0.0,
    Q.PCIE_REPLAYS: 0.05,
    Q.LINK_ERRORS: 0.01,
    Q.FABRIC_STATE: 3.0,
    Q.FABRIC_HEALTH: float(0b01_01_0001_10_10_10_10),
}


def test_counters_that_stand_still_say_nothing() -> None:
    fleet = Fleet()
    fleet.gpus = dict.fromkeys(fleet.pods, COOL | ALL_CLEAR)
    assert fleet.incidents(0, 130, 700) == ()


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), 1e300])
def test_a_mask_that_is_no_number_says_nothing_and_stops_nothing(number: float) -> None:
    fleet = Fleet()
    fleet.gpus = dict.fromkeys(fleet.pods, COOL | ALL_CLEAR | {Q.FABRIC_HEALTH: number})
    assert fleet.incidents(0, 130, 700) == ()


@pytest.mark.parametrize(
    ("numbers", "cause", "severity", "words"),
    [
        ({Q.ROW_REMAP_FAILED: 1.0}, "gpu-memory-failed", Severity.CRITICAL, "row remapping failed"),
        (
            {Q.MEMORY_ERROR_RATE: 0.03, Q.MEMORY_ERRORS: 2.0},
            "gpu-memory-failed",
            Severity.CRITICAL,
            "uncorrectable memory errors",
        ),
        ({Q.MEMORY_ERRORS: 2.0}, "gpu-memory-error", Severity.WARNING, "2 uncorrectable memory errors"),
        ({Q.ROW_REMAP_PENDING: 1.0}, "gpu-memory-error", Severity.WARNING, "a memory row waits for a reset"),
        ({Q.LINK_ERRORS: 0.5}, "gpu-link-errors", Severity.WARNING, "30 NVLink errors/min"),
        ({Q.PCIE_REPLAYS: 1.0, Q.LINK_ERRORS: 0.0}, "gpu-link-errors", Severity.WARNING, "60 PCIe replays/min"),
        ({Q.FABRIC_STATE: 4.0}, "gpu-fabric-down", Severity.CRITICAL, "fabric manager failed"),
        (
            {Q.FABRIC_HEALTH: float(0b01_01_0001_10_10_10_01)},
            "gpu-fabric-degraded",
            Severity.WARNING,
            "NVLink fabric: less bandwidth",
        ),
        (
            {Q.FABRIC_HEALTH: float(0b01_01_0001_10_01_10_01)},
            "gpu-fabric-degraded",
            Severity.CRITICAL,
            "NVLink fabric: a route is unhealthy",
        ),
        (
            {Q.FABRIC_HEALTH: float(0b01_01_0101_10_10_10_10)},
            "gpu-fabric-degraded",
            Severity.CRITICAL,
            "NVLink fabric: wrongly configured",
        ),
        ({Q.XID: 64.0, Q.ROW_REMAP_FAILED: 1.0}, "gpu-memory-broken", Severity.CRITICAL, "XID 64"),
        ({Q.XID: 48.0, Q.MEMORY_ERROR_RATE: 0.03}, "gpu-memory-broken", Severity.CRITICAL, "XID 48"),
        (
            {Q.XID: 63.0, Q.ROW_REMAP_PENDING: 1.0},
            "gpu-memory-error",
            Severity.WARNING,
            "a memory row waits for a reset",
        ),
        ({Q.XID: 74.0, Q.LINK_ERRORS: 0.5}, "gpu-link-broken", Severity.CRITICAL, "XID 74"),
    ],
)
def test_the_first_line_names_the_gpu_and_what_its_counters_show(
    numbers: dict[Q, float], cause: str, severity: Severity, words: str
) -> None:
    fleet = Fleet()
    fleet.gpus = dict.fromkeys(fleet.pods, COOL | ALL_CLEAR)
    fleet.at(0)
    fleet.gpus["chat-1"] = COOL | ALL_CLEAR | numbers
    (seen,) = fleet.incidents(15)
    assert (seen.root.cause, seen.about) == (cause, "GPU-chat-1")
    (found,) = fleet.incidents(140)
    assert (found.root.cause, found.severity, found.root.words) == (cause, severity, words)


def test_a_gpu_whose_memory_fails_is_the_root_of_its_engine_that_hangs() -> None:
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.ROW_REMAP_FAILED: 1.0}
    fleet.engines["chat-1"] = STUCK
    (found,) = fleet.incidents(0, 70)
    assert (found.root.cause, "engine-stuck" in [one.cause for one in found.symptoms]) == ("gpu-memory-failed", True)


def test_what_rules_it_out_is_a_number_with_its_name() -> None:
    fleet = Fleet()
    fleet.gpus = dict.fromkeys(fleet.pods, COOL | ALL_CLEAR)
    fleet.engines["chat-1"] = STUCK
    (found,) = fleet.incidents(0, 70)
    out = {one.cause: one.by for one in explain(fleet.at(71), found.root).ruled_out}
    assert out["gpu-memory-failed"].startswith("memory rows that could not be replaced: 0, new uncorrectable memory")


def test_a_fabric_that_is_not_supported_or_still_starts_is_none() -> None:
    fleet = Fleet()
    fleet.gpus = dict.fromkeys(fleet.pods, COOL | {Q.FABRIC_HEALTH: 0.0})
    assert causes(fleet.incidents(0, 70)) == []
    for state in (0.0, 1.0, 2.0):
        fleet.gpus = dict.fromkeys(fleet.pods, COOL | {Q.FABRIC_STATE: state})
        assert causes(fleet.incidents(0, 70)) == []
