"""Known faults in other guises: no peers to compare with, no past, a source or a label that is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.facts import Dated, Facts
from fleet.model.finding import FindingState
from fleet.model.histogram import Histogram
from fleet.model.measurement import GatewayId
from fleet.model.quantity import Family, Quantity
from fleet.model.routes import Route, Routing
from tests.fleet.diagnosis.fleets import CHAT, COOL, NUMBERS, STUCK, WELL, Fleet, Q, autoscaler, causes
from tests.fleet.diagnosis.test_routes import ENGINE, GOOD, SERVICE
from tests.fleet.rows import NOW

Change = Callable[[Fleet], None]
STEADY = WELL | {Q.REQUESTS: 2.0, Q.PROMPT_TOKENS: 1200.0}
"""An engine whose usual numbers are known."""
LEARNED = tuple(-15.0 * n for n in range(8, 0, -1))
"""Looks from which the usual numbers are learned."""
LATER = tuple(15.0 * n for n in range(90))
"""Looks at what has gone wrong: for 22 minutes."""


class Guise(NamedTuple):
    """A fault in a guise."""

    name: str
    cause: str
    about: str
    change: Change
    replicas: int = 3
    base: NUMBERS = WELL
    starts_late: bool = False
    """True if it began before the console was started."""


def around(seconds: float) -> Histogram:
    """Latencies close to one of so many seconds."""
    return Histogram((seconds * 0.8, seconds * 1.2, math.inf), (0.0, 2.0, 2.0), seconds * 2)


def _takes(**seconds: float) -> Change:
    """The latencies of the model are others: family → seconds."""

    def change(fleet: Fleet) -> None:
        fleet.latencies |= {Family(name): around(value) for name, value in seconds.items()}

    return change


def _all(numbers: Mapping[Quantity, float]) -> Change:
    def change(fleet: Fleet) -> None:
        fleet.engines = {name: {**seen, **numbers} for name, seen in fleet.engines.items()}

    return change


def _some(count: int, numbers: Mapping[Quantity, float]) -> Change:
    def change(fleet: Fleet) -> None:
        for name in list(fleet.engines)[:count]:
            fleet.engines[name] = {**fleet.engines[name], **numbers}

    return change


def _throttled(count: int, reason: str) -> Change:
    def change(fleet: Fleet) -> None:
        fleet.reasons |= {f"GPU-{name}": (reason,) for name in list(fleet.gpus)[:count]}

    return change


GATEWAY = GatewayId("gateways", "gateway-0", "LiteLLM", "llama")


def _gateway(numbers: NUMBERS, **seconds: float) -> Change:
    def change(fleet: Fleet) -> None:
        fleet.gateways = {GATEWAY: numbers}
        fleet.gateway_latencies = {Family(name): {GATEWAY: around(value)} for name, value in seconds.items()}

    return change


def _both(*changes: Change) -> Change:
    def change(fleet: Fleet) -> None:
        for one in changes:
            one(fleet)

    return change


def _at_maximum(fleet: Fleet) -> None:
    """An autoscaler whose controller writes no conditions, as an adapter of another product does."""
    fleet.autoscaler = autoscaler(maximum=3)
    _all({Q.WAITING: 20.0, Q.WAITING_CAPACITY: 20.0})(fleet)


def _vanished(fleet: Fleet) -> None:
    """The exporter lists one GPU fewer than before, while its neighbour is well."""
    fleet.without_gpu.add("chat-0")


def _open_by_node_port(fleet: Fleet) -> None:
    fleet.of(*fleet.pods, **ENGINE)
    fleet.services = [replace(SERVICE, type="NodePort")]
    fleet.facts = Facts({"routing": Dated(NOW, Routing())})


def _cut_by_route(fleet: Fleet) -> None:
    """A route that ends requests after a minute, and one in twenty that takes longer."""
    fleet.of(*fleet.pods, **ENGINE)
    fleet.services = [SERVICE]
    route = Route("HTTPRoute", "serving", "chat", (GOOD,), timeout=60.0)
    fleet.facts = Facts({"routing": Dated(NOW, Routing((route,)))})
    _all({Q.REQUESTS: 2.0})(fleet)
    fleet.latencies[Family.E2E] = Histogram((30.0, 60.0, 120.0, math.inf), (1.6, 1.8, 2.0, 2.0), 40.0)


def _cut_while_silent(fleet: Fleet) -> None:
    """An Ingress that ends requests without a byte for half a minute, and one in twenty that waits longer."""
    fleet.of(*fleet.pods, **ENGINE)
    fleet.services = [SERVICE]
    route = Route("Ingress", "serving", "chat", (GOOD,), silence=30.0)
    fleet.facts = Facts({"routing": Dated(NOW, Routing((route,)))})
    _all({Q.REQUESTS: 2.0})(fleet)
    fleet.latencies[Family.TTFT] = Histogram((10.0, 30.0, 60.0, math.inf), (1.6, 1.8, 2.0, 2.0), 20.0)


def _still_asked(fleet: Fleet) -> None:
    """A replica that is being deleted, to which requests still come."""
    fleet.of("chat-0", deleted=NOW + 3600, grace=3600.0, status="Terminating")


def _gpus(*power: float) -> Change:
    """The first replica has GPUs of this power, all of them busy; the exporter gives no clocks."""

    def change(fleet: Fleet) -> None:
        busy = COOL | {Q.GPU_UTIL: 1.0}
        fleet.gpus["chat-0"] = busy | {Q.GPU_POWER: power[0]}
        fleet.several_gpus["chat-0"] = [busy | {Q.GPU_POWER: one} for one in power[1:]]

    return change


_NAN = math.nan
_SLOW = {Q.GENERATION_TOKENS: 120.0}
_ASKED = {Q.GATEWAY_REQUESTS: 6.0, Q.GATEWAY_ERRORS: 0.0}
ANSWERED = STEADY | {
    Q.ANSWERS_MEAN: 1.0,
    Q.REQUESTS_CUT: 0.2,
    Q.REQUESTS_ABORTED: 0.02,
    Q.HTTP_REQUESTS: 2.0,
    Q.HTTP_ERRORS: 0.0,
    Q.HTTP_REFUSALS: 0.02,
}
"""The same, with all that a recent release tells of its answers."""
_ASLEEP = {
    Q.RUNNING: 0.0,
    Q.GENERATION_TOKENS: 0.0,
    Q.PROMPT_TOKENS: 0.0,
    Q.LATEST_TOKENS: 0.0,
    Q.REQUESTS: 0.0,
    Q.SLEEP_OPERATIONS: 1.0,
}
_CACHE = {Q.KV_CAPACITY: 600_000.0}
_HALVES = _ASKED | {Q.GATEWAY_PREFILL_LOAD: 1.0, Q.GATEWAY_DECODE_LOAD: 0.2}

GUISES = (
    Guise("all are slow", "slower-than-usual", CHAT, _both(_all(_SLOW), _takes(itl=0.08)), base=STEADY),
    Guise("the only one is slow", "slower-than-usual", CHAT, _both(_all(_SLOW), _takes(itl=0.08)), 1, STEADY),
    Guise("half are slow", "slower-than-usual", CHAT, _both(_some(2, _SLOW), _takes(itl=0.08)), 4, STEADY),
    Guise("one of two is slow", "replica-slow", "serving/chat-0", _some(1, _SLOW), 2),
    Guise("all hang", "engine-stuck", CHAT, _all(STUCK)),
    Guise("the only one hangs", "engine-stuck", "serving/chat-0", _all(STUCK), 1),
    Guise("all hung before", "engine-stuck", CHAT, _all(STUCK), starts_late=True),
    Guise("hangs, prompts not counted", "engine-stuck", "serving/chat-0", _some(1, STUCK | {Q.PROMPT_TOKENS: _NAN})),
    Guise(
        "errors without an HTTP counter",
        "errors",
        "serving/chat-0",
        _some(1, {Q.REQUESTS: 2.0, Q.REQUEST_ERRORS: 0.5}),
        base=STEADY,
    ),
    Guise("errors of all", "errors", CHAT, _all({Q.HTTP_REQUESTS: 5.0, Q.HTTP_ERRORS: 2.0, Q.ERROR_RATIO: 0.4})),
    Guise("all at the power brake", "gpu-power-brake", "n0", _throttled(2, "power brake")),
    Guise("GPU vanished", "gpu-vanished", "n0", _vanished),
    Guise("at maximum, no conditions", "autoscaler-at-maximum", CHAT, _at_maximum),
    Guise("open by node port", "engine-open-to-all", CHAT, _open_by_node_port),
    Guise("cut by its route", "route-timeout-short", CHAT, _cut_by_route),
    Guise("cut before its first token", "route-timeout-short", CHAT, _cut_while_silent),
    Guise("asked while it ends", "terminating-gets-requests", "serving/chat-0", _still_asked, base=STEADY),
    Guise(
        "gateway is slow",
        "gateway-delays",
        CHAT,
        _both(_takes(ttft=0.2), _gateway(_ASKED | {Q.GATEWAY_QUEUED: 0.0}, gateway_ttft=3.0)),
        base=STEADY,
    ),
    Guise("answers empty", "answers-almost-empty", CHAT, _all({Q.GENERATION_TOKENS: 6.0}), base=ANSWERED),
    Guise(
        "answers empty, of one replica, without reasons",
        "answers-almost-empty",
        CHAT,
        _all({Q.GENERATION_TOKENS: 9.0}),
        1,
        STEADY,
    ),
    Guise(
        "answers without an end",
        "answers-run-on",
        CHAT,
        _both(_all({Q.REQUESTS_CUT: 1.0, Q.REQUESTS: 1.2}), _takes(e2e=20.0)),
        base=ANSWERED,
    ),
    Guise(
        "answers without an end, tokens slower",
        "answers-run-on",
        CHAT,
        _both(_all({Q.REQUESTS_CUT: 0.9, Q.REQUESTS: 1.0, Q.PROMPT_TOKENS: 600.0, Q.RUNNING: 14.0}), _takes(itl=0.06)),
        5,
        ANSWERED,
    ),
    Guise("clients give up", "clients-give-up", CHAT, _all({Q.REQUESTS_ABORTED: 0.5}), base=ANSWERED),
    Guise(
        "several answers each",
        "answers-multiplied",
        CHAT,
        _both(_all({Q.ANSWERS_MEAN: 4.0}), _takes(itl=0.08)),
        3,
        ANSWERED,
    ),
    Guise(
        "several answers each, more run",
        "answers-multiplied",
        CHAT,
        _both(_all({Q.ANSWERS_MEAN: 8.0, Q.RUNNING: 30.0}), _takes(itl=0.08)),
        1,
        ANSWERED,
    ),
    Guise("wrong key", "clients-refused", CHAT, _all({Q.HTTP_REFUSALS: 1.9, Q.HTTP_REQUESTS: 2.0}), base=ANSWERED),
    Guise(
        "wrong name at one replica",
        "clients-refused",
        "serving/chat-0",
        _some(1, {Q.HTTP_REFUSALS: 5.0, Q.HTTP_REQUESTS: 5.0}),
        base=ANSWERED,
    ),
    Guise("wakes without an end", "sleep-operation-hangs", "serving/chat-0", _some(1, _ASLEEP), base=ANSWERED),
    Guise(
        "asleep with a queue, wakes without an end",
        "sleep-operation-hangs",
        "serving/chat-0",
        _some(1, _ASLEEP | {Q.SLEEP_LEVEL: 1.0, Q.WAITING: 4.0}),
        1,
        ANSWERED,
    ),
    Guise(
        "smaller cache", "kv-cache-smaller", "serving/chat-0", _some(1, {Q.KV_CAPACITY: 200_000.0}), base=WELL | _CACHE
    ),
    Guise(
        "smaller cache, preempts",
        "kv-cache-smaller",
        "serving/chat-0",
        _some(1, {Q.KV_CAPACITY: 200_000.0, Q.PREEMPTIONS: 1.0, Q.KV_USAGE: 0.99}),
        5,
        WELL | _CACHE,
    ),
    Guise("one GPU draws less", "gpu-uneven", "GPU-chat-0", _gpus(310.0, 610.0, 640.0, 600.0)),
    Guise(
        "one GPU draws more, its replica is slow",
        "gpu-uneven",
        "GPU-chat-0-2",
        _both(_gpus(390.0, 400.0, 640.0, 410.0, 395.0, 405.0, 400.0, 390.0), _some(1, _SLOW)),
    ),
    Guise("prefill is full", "pools-unbalanced", CHAT, _gateway(_HALVES), base=STEADY),
    Guise(
        "decode is full, requests wait",
        "pools-unbalanced",
        CHAT,
        _gateway(_ASKED | {Q.GATEWAY_PREFILL_LOAD: 0.3, Q.GATEWAY_DECODE_LOAD: 1.0, Q.GATEWAY_QUEUED: 90.0}),
        base=STEADY,
    ),
    Guise("queue in the gateway", "gateway-queue", CHAT, _gateway(_ASKED | {Q.GATEWAY_QUEUED: 90.0}), base=STEADY),
)


@pytest.mark.parametrize("guise", GUISES, ids=lambda one: one.name)
def test_a_fault_is_named_in_any_guise_with_evidence_and_nothing_else(guise: Guise) -> None:
    fleet = Fleet(guise.replicas)
    fleet.workload = {"ready": guise.replicas}
    fleet.engines = dict.fromkeys(fleet.pods, guise.base)
    fleet.latencies = {Family.ITL: around(0.03), Family.TTFT: around(0.2), Family.E2E: around(8.0)}
    if guise.starts_late:
        guise.change(fleet)
    else:
        assert causes(fleet.incidents(*LEARNED)) == []
        guise.change(fleet)
    *_, last = (fleet.at(one) for one in LATER)
    assert [(one.root.cause, one.about) for one in last.incidents] == [(guise.cause, guise.about)]
    assert last.incidents[0].state is FindingState.FIRING
    assert explain(last, last.incidents[0].root).evidence


LOOKALIKES: tuple[tuple[str, NUMBERS, Change], ...] = (
    ("shorter answers", ANSWERED, _all({Q.GENERATION_TOKENS: 200.0})),
    ("classifiers", ANSWERED | {Q.GENERATION_TOKENS: 2.0}, _all({Q.GENERATION_TOKENS: 0.2})),
    ("a benchmark with max_tokens", ANSWERED, _all({Q.REQUESTS_CUT: 2.0, Q.GENERATION_TOKENS: 60.0})),
    ("always cut off", ANSWERED | {Q.REQUESTS_CUT: 1.9}, _all({Q.REQUESTS_CUT: 2.0})),
    ("hardly any requests", ANSWERED, _all({Q.REQUESTS: 0.05, Q.GENERATION_TOKENS: 0.3, Q.RUNNING: 0.2})),
    ("several answers, as quick as ever", ANSWERED, _all({Q.ANSWERS_MEAN: 4.0})),
    ("some mistakes of clients", ANSWERED, _all({Q.HTTP_REFUSALS: 0.5})),
    ("sleeps well", ANSWERED, _all({Q.SLEEP_OPERATIONS: 0.0})),
    ("two kinds of GPUs", WELL | _CACHE, _some(2, {Q.KV_CAPACITY: 300_000.0})),
    ("a halved batch", ANSWERED, _gpus(390.0, 520.0, 640.0, 300.0)),
    ("two GPUs, two halves", ANSWERED, _gpus(300.0, 310.0, 600.0, 610.0)),
    ("both halves full", STEADY, _gateway(_HALVES | {Q.GATEWAY_DECODE_LOAD: 0.9})),
    ("one half idle", STEADY, _gateway(_HALVES | {Q.GATEWAY_PREFILL_LOAD: 0.5})),
)


@pytest.mark.parametrize(("base", "change"), [one[1:] for one in LOOKALIKES], ids=[one[0] for one in LOOKALIKES])
def test_what_looks_like_such_a_fault_and_is_none_is_not_told(base: NUMBERS, change: Change) -> None:
    fleet = Fleet(4)
    fleet.workload = {"ready": 4}
    fleet.engines = dict.fromkeys(fleet.pods, base)
    fleet.latencies = {Family.ITL: around(0.03), Family.TTFT: around(0.2), Family.E2E: around(8.0)}
    assert causes(fleet.incidents(*LEARNED)) == []
    change(fleet)
    assert causes(fleet.incidents(*LATER)) == []


def test_an_old_error_of_a_program_is_not_named_before_the_engine_that_has_just_stopped() -> None:
    fleet = Fleet()
    fleet.engines["chat-0"], fleet.gpus["chat-0"] = STUCK, COOL | {Q.XID: 31.0}
    found = fleet.incidents(0)
    assert [one.root.cause for one in found] == ["engine-stuck", "gpu-application-xid"]
    assert [one.state for one in found] == [FindingState.PENDING, FindingState.FIRING]
