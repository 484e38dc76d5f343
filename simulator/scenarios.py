"""Scenarios: incidents of the simulated fleet, each at its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator import logs
from simulator.kubelet import Fate
from simulator.levers import Levers


@dataclass(frozen=True, slots=True)
class Incident:
    """An `act`, called with the levers and the time `at` seconds after the clock's start (before it, if negative)."""

    at: float
    act: Callable[[Levers, float], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A named scenario: its visible effect, and its incidents in order."""

    name: str
    about: str
    needs: str = ""
    """The workloads that it is about, separated by blanks."""
    incidents: tuple[Incident, ...] = ()


def _crash_loop(levers: Levers, now: float) -> None:
    # Host memory runs out while the weights are loaded: the kernel kills the process.
    # The version before needs less.
    levers.fail_starts("legacy-13b", Fate(9.0, 137, "OOMKilled"), revision="a2cb7a7")
    levers.crash("legacy-13b", now)


def _bad_rollout(levers: Levers, _: float) -> None:
    levers.fail_starts("chat-8b", Fate(14.0, 1, "Error", logs.BAD_REVISION), revision="4281e96")
    levers.roll_out("chat-8b", "4281e96")


def _slow_rollout(levers: Levers, _: float) -> None:
    # This one starts, and every step takes twice as long: only latency shows it.
    levers.slow_down("summarize", "e5c1b7d", 2.0)
    levers.roll_out("summarize", "e5c1b7d")


STEADY = Scenario("steady", "an ordinary hour: moderate load, short queues, everything ready")

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        STEADY,
        Scenario(
            "rush-hour",
            "several times the usual traffic: queues and TTFT grow, autoscalers reach their limit",
            "",
            (Incident(-30, lambda levers, _: levers.demand_all(2.6)),),
        ),
        Scenario(
            "kv-thrash",
            "conversations on chat-8b grow long: the KV cache is full, requests are preempted, ITL suffers",
            "chat-8b",
            (Incident(-90, lambda levers, _: levers.demand("chat-8b", 1.2, longer_prompts=2.0, longer_answers=3.0)),),
        ),
        Scenario(
            "slow-replica",
            "one replica of chat-8b runs hot: its GPU throttles and its tokens are slower than its peers'",
            "chat-8b",
            (Incident(-60, lambda levers, _: levers.block_cooling("chat-8b", 0.25)),),
        ),
        Scenario(
            "stuck-engine",
            "one engine of chat-70b hangs: /health returns 200, but no tokens are generated",
            "chat-70b",
            (Incident(-40, lambda levers, _: levers.hang("chat-70b")),),
        ),
        Scenario(
            "gpu-fault",
            "XID 79 on a GPU of chat-70b: it fell off the bus, the engine dies and cannot start again",
            "chat-70b",
            (Incident(-40, lambda levers, now: levers.lose_gpu("chat-70b", 79, now)),),
        ),
        Scenario(
            "crash-loop",
            "legacy-13b is OOMKilled at every start",
            "legacy-13b",
            (Incident(-70, _crash_loop),),
        ),
        Scenario(
            "no-free-gpu",
            "summarize is scaled beyond the capacity of the nodes: pods stay Pending",
            "summarize",
            (Incident(-60, lambda levers, _: levers.crowd("summarize", 2)),),
        ),
        Scenario(
            "cold-start",
            "all pods of chat-70b start at once: none serves until the weights are loaded",
            "chat-70b",
            (Incident(-25, lambda levers, now: levers.delete_pods("chat-70b", now)),),
        ),
        Scenario(
            "bad-rollout",
            "a new revision of chat-8b does not start; one of summarize starts, and is slow",
            "chat-8b summarize",
            (Incident(-90, _slow_rollout), Incident(-60, _bad_rollout)),
        ),
    )
}
