"""24 simulated hours in which nothing is wrong: night and noon, bursts, heavy-tailed prompts, autoscaling, a rollout.

``python -m tests.eval.day FILE`` writes it as a recording, with its truth beside it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.writer import RecordingWriter
from simulator.blueprint import DEFAULT, Blueprint
from simulator.scenarios import Incident, Scenario
from simulator.traffic import DAY, TrafficSpec
from tests.eval.case import shrink
from tests.eval.tape import Observed, rounded
from tests.eval.truth_file import written
from tests.fleet.recorder.seen import Plain
from tests.simulator.fleet_support import Watched

INTERVAL = 30.0
"""Seconds between scrapes."""
_TOLD = 3600.0
"""Seconds for which the reasons of lowered clocks stay the same: with each other one all names are written again."""
_WORKLOADS = ("chat-70b", "summarize")
_ROLLOUT = 10 * 3600.0
_STEP = 900.0
"""Seconds after which demand follows the time of day."""
_TAIL = 1.5
"""Spread of the logarithm of prompt lengths: one prompt in fifty has fourteen times the median's tokens or more."""


_FITS = 0.6
"""Share of the usual demand: bursts of the afternoon are then what its replicas, and one more, can serve."""


def _demand(at: float) -> float:
    """Times the usual: fewest at four in the night, most at four in the afternoon; the fleet begins at one."""
    return _FITS * (0.75 + 0.5 * math.sin((at / 3600.0 + 1 - 10) / 24 * math.tau))


def _at(seconds: float) -> Incident:
    factor = _demand(seconds)
    return Incident(seconds, lambda levers, _: levers.demand_all(factor))


def _fleet() -> Blueprint:
    """Two workloads, one of which is scaled automatically, whose prompts have a heavy tail.

    As many tokens as usual come in fewer requests, and there is a node more than is needed: nothing is to be wrong.
    """
    kept = [workload for workload in DEFAULT.workloads if workload.name in _WORKLOADS]
    pools = tuple(replace(pool, nodes=pool.nodes + 1) if pool.name == "h100" else pool for pool in DEFAULT.pools)
    heavy = [
        replace(
            one,
            weight=2,
            traffic=replace(
                one.traffic, rate=one.traffic.rate * _fewer(one.traffic), prompt_spread=_TAIL, burstiness=0.5
            ),
        )
        for one in kept
    ]
    return replace(DEFAULT, pools=pools, workloads=tuple(heavy))


def _fewer(spec: TrafficSpec) -> float:
    """The share of the requests that have as many tokens in all, by the mean of a log-normal distribution."""
    return math.exp((spec.prompt_spread**2 - _TAIL**2) / 2)


def scenario(seconds: float) -> Scenario:
    """Demand by the time of day, and a rollout at noon."""
    steps = [_at(number * _STEP) for number in range(int(seconds / _STEP) + 1)]
    rollout = Incident(_ROLLOUT, lambda levers, _: levers.roll_out("chat-70b", "7c1d2e3"))
    every = sorted([*steps, rollout], key=lambda incident: incident.at)
    return Scenario("day", "an ordinary day", " ".join(_WORKLOADS), tuple(every))


def write(path: Path, seconds: float = DAY) -> None:
    """Write the recording of so many seconds of it, and its truth."""
    watched = Watched(scenario(seconds), blueprint=_fleet())
    observed = Observed(watched)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    writer = RecordingWriter(path, Plain())
    writer.describe(context="eval", server="https://kube.example.com:6443", cluster="eval")
    began = watched.clock.at
    reasons: Mapping[str, tuple[str, ...]] = {}
    told_at = -math.inf
    while watched.clock.at < began + seconds:
        watched.run(INTERVAL)
        now = watched.clock.at
        statuses = tuple(SourceStatus(name, Health.LIVE, began, now) for name in ("kubernetes", "prometheus"))
        measurement = replace(rounded(observed.measured()), source="prometheus", interval=INTERVAL)
        if now - told_at >= _TOLD:
            reasons, told_at = measurement.throttle_reasons, now
        measurement = replace(measurement, throttle_reasons=reasons)
        writer.note(Moment(observed.objects(), statuses, measurement), now)
    writer.close()
    shrink(path)
    about = "24 simulated hours: night and noon, bursts, heavy-tailed prompts, autoscaling, one rollout"
    path.with_suffix(".toml").write_text(written("a-day", about, (), (), held_out=False), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--hours", type=float, default=24.0)
    options = parser.parse_args()
    write(options.file, options.hours * 3600.0)


if __name__ == "__main__":
    main()
