"""The corpus: what of it must stay right, and that it is what it says it is."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.evaluation.runner import scores
from fleet.evaluation.score import CaseScore
from fleet.evaluation.totals import totals
from fleet.evaluation.truth import cases
from tests.eval import registry
from tests.eval.corpus import entries
from tests.eval.day import write
from tests.eval.generate import make_all
from tests.eval.simulated import PLAYED

FLOOR = (
    "anti-affinity",
    "autoscaler-at-maximum",
    "autoscaler-blind",
    "autoscaler-flaps",
    "certificate-not-renewed",
    "command-not-found",
    "crash-loop",
    "cuda-out-of-memory",
    "drain-blocked-by-budget",
    "engine-answers-errors",
    "engine-asleep-with-queue",
    "engine-stuck",
    "gateway-refuses-route",
    "gpu-double-bit-error",
    "gpu-hardware-slowdown",
    "gpu-link-down",
    "host-port-taken",
    "image-denied",
    "image-pull-slow",
    "image-tag-moved",
    "init-container-fails",
    "kv-cache-thrash",
    "liveness-kills-under-load",
    "long-prompts",
    "memory-request-too-large",
    "no-free-gpu",
    "node-memory-pressure",
    "node-network-unavailable",
    "node-removed",
    "node-selector-unmatched",
    "out-of-memory",
    "preempted-by-priority",
    "prometheus-down",
    "prometheus-stale",
    "queue-deep",
    "quota-exceeded",
    "readiness-fails",
    "registry-rate-limited",
    "replica-slow",
    "rollout-stuck",
    "route-port-wrong",
    "route-to-nowhere",
    "scrape-target-down",
    "secret-missing",
    "service-selects-nothing",
    "startup-probe-too-short",
    "tensor-parallel-skew",
    "volume-attached-elsewhere",
    "volume-in-other-zone",
    "volume-not-bound",
    "webhook-denies",
)
"""Kinds whose usual guise is named first, with cause and object. A new kind is added here."""
CALM = (
    "clients-cancel",
    "engines-asleep",
    "healthy-rollout",
    "long-prefill",
    "node-joins",
    "pending-for-a-minute",
    "policy-for-one-port",
    "route-with-weight-zero",
    "scale-down",
    "xid-echo",
)
"""Kinds of calm without any report."""


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CaseScore]:
    """The usual guise of those kinds, by kind."""
    folder = tmp_path_factory.mktemp("corpus")
    wanted = {f"seen/{name}.usual" for name in (*FLOOR, *CALM)}
    make_all(folder, [entry for entry in entries() if entry.name in wanted], small=False)
    return {case.truth.kind: case for case in scores(folder)}


@pytest.mark.parametrize("kind", FLOOR)
def test_first_line_names_cause_and_object(scored: dict[str, CaseScore], kind: str) -> None:
    case = scored[kind]
    assert case.first_right, f"said instead: {case.first}"


@pytest.mark.parametrize("kind", CALM)
def test_nothing_is_said_of_what_only_looks_alarming(scored: dict[str, CaseScore], kind: str) -> None:
    assert scored[kind].wrong == []


def test_scores_together_stay_above_their_floors(scored: dict[str, CaseScore]) -> None:
    found = totals(scored.values())
    assert (found.first_right, found.calm_right) == (1.0, 1.0)
    assert (found.evidence or 0) >= 0.9
    assert (found.helped or 0) == 1.0
    assert (found.in_time or 0) >= 0.85
    assert (found.pending_after or 0) <= 20


def test_minutes_of_an_ordinary_day_have_no_finding(tmp_path: Path) -> None:
    write(tmp_path / "minutes.qdr", 1200.0)
    (case,) = scores(tmp_path)
    assert case.wrong == []
    assert case.seconds == pytest.approx(1200, abs=60)


def test_the_same_corpus_comes_each_time(tmp_path: Path) -> None:
    (entry,) = [one for one in entries() if one.name == "seen/queue-deep.usual"]
    for folder in ("a", "b"):
        make_all(tmp_path / folder, [entry])
    for suffix in ("toml", "qdr"):
        first, second = ((tmp_path / folder / f"{entry.name}.{suffix}").read_bytes() for folder in ("a", "b"))
        assert first == second


def test_five_minutes_of_the_usual_fleet_are_small(tmp_path: Path) -> None:
    """Most of the 430 cases are no larger, so that together they stay below 30 MB."""
    (entry,) = [one for one in entries() if one.name == "seen/queue-deep.usual"]
    make_all(tmp_path, [entry])
    assert (tmp_path / f"{entry.name}.qdr").stat().st_size < 48_000


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    kinds, every = registry.kinds().values(), entries()
    assert len(every) >= 150
    assert sum(not one.calm for one in kinds) >= 45
    assert sum(len(entry.plays) == 2 for entry in every) >= 20
    assert sum(one.calm for one in kinds) >= 20
    guises = Counter(entry.kind for entry in every if len(entry.plays) == 1)
    assert min(guises.values()) >= 3
    assert {entry.guise.lacks for entry in every} == {"", "numbers", "gpus", "events"}


def test_what_the_simulator_plays_is_a_guise_of_a_kind_that_is_not_held_out() -> None:
    kinds = registry.kinds()
    for played in PLAYED.values():
        assert not kinds[played.kind].is_held_out


def test_a_kind_is_held_out_by_the_hash_of_its_name_and_written_where_nobody_looks() -> None:
    for kind in registry.kinds().values():
        held_out = int(hashlib.sha256(kind.name.encode()).hexdigest(), 16) % 3 == 0
        assert kind.is_held_out is held_out
        assert kind.play.__module__.startswith("tests.eval.held_out") is held_out, kind.name
    for entry in entries():
        assert entry.is_held_out is any(one.is_held_out for one in entry.plays)
        assert entry.name.startswith("held-out/") is entry.is_held_out


def test_truth_of_a_case_says_what_is_wrong_and_what_is_missing(tmp_path: Path) -> None:
    named = {one.name: one for one in entries()}
    calm, quota = named["seen/engines-asleep.usual"], named["seen/quota-exceeded.usual"]
    blind = replace(quota, name="blind", guise=replace(quota.guise, lacks="numbers"))
    make_all(tmp_path, [calm, quota, blind], small=False)
    truths = {name: truth for name, truth, _ in cases(tmp_path)}
    assert truths[calm.name].is_calm
    assert not truths[quota.name].beside
    assert "metrics-source-down" in truths["blind"].beside[0].cause
    (fault,) = truths["blind"].faults
    assert fault.cause[0] == "quota-exceeded"
    assert fault.object == truths[quota.name].faults[0].object
    assert all(key.count("/") == 2 for key in fault.object)
