"""Incidents that the simulator plays from their cause on: one more guise of kinds that are otherwise made by hand.

Nothing is written into objects or numbers here: a lever is pulled, and what follows is what the simulated kubelet,
scheduler, controllers, engines and GPUs do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.recorder.writer import RecordingWriter
from simulator.kubelet import Fate
from simulator.levers import Levers
from simulator.scenarios import Incident, Scenario
from tests.eval.case import LEAD, shrink
from tests.eval.tape import INTERVAL, Observed, rounded
from tests.eval.truth_file import Fault, written
from tests.fleet.recorder.seen import Plain
from tests.simulator.fleet_support import Watched

_SETTLED = 90.0
"""Seconds before the recording begins: rates are over a whole window then."""


@dataclass(frozen=True)
class Played:
    """An incident that the simulator plays."""

    kind: str
    about: str
    workload: str
    """The workload that it happens to, whose pods and GPUs are the objects."""
    act: Callable[[Levers, float], None]
    cause: Sequence[str]
    evidence: Sequence[str]
    actions: Sequence[str]
    lasts: float = 420.0
    pods: int | None = None

    def make(self, folder: Path) -> None:
        """Write the recording and its truth."""
        onset = _SETTLED + LEAD
        scenario = Scenario(self.kind, self.about, self.workload, (Incident(onset, self.act),))
        watched = Watched(scenario, pods=self.pods)
        began = watched.clock.at
        observed = Observed(watched)
        while watched.clock.at < began + _SETTLED:
            # Not recorded: counters are read so that rates exist from the first scrape.
            watched.run(INTERVAL)
            observed.measured()
        path = folder / "seen" / f"{self.kind}.simulated.qdr"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        writer = RecordingWriter(path, Plain())
        writer.describe(context="eval", server="https://kube.example.com:6443", cluster="eval")
        objects: dict[str, None] = {}
        while watched.clock.at < began + onset + self.lasts:
            watched.run(INTERVAL / 3)
            now = watched.clock.at
            state = observed.objects()
            statuses = tuple(SourceStatus(name, Health.LIVE, began, now) for name in ("kubernetes", "prometheus"))
            measurement = None
            if (now - began) % INTERVAL < 1e-6:
                measurement = replace(rounded(observed.measured()), source="prometheus")
                ours = {one.key for one in measurement.gpus if one.pod.startswith(f"{self.workload}-")}
                objects |= dict.fromkeys(sorted(ours))
            every = (*state.pods, *state.workloads)
            objects |= dict.fromkeys(key for key in every if key.rpartition("/")[2].startswith(self.workload))
            writer.note(Moment(state, statuses, measurement), now)
        writer.close()
        shrink(path)
        fault = Fault(self.cause, "", tuple(objects), began + onset, self.evidence, self.actions)
        path.with_suffix(".toml").write_text(
            written(self.kind, self.about, (fault,), (), held_out=False), encoding="utf-8"
        )


def _killed(levers: Levers, now: float) -> None:
    levers.fail_starts("legacy-13b", Fate(9.0, 137, "OOMKilled"), revision="a2cb7a7")
    levers.crash("legacy-13b", now)


def _long_conversations(levers: Levers, _: float) -> None:
    levers.demand("chat-8b", 1.2, longer_prompts=2.0, longer_answers=3.0)


PLAYED: Mapping[str, Played] = {
    one.kind: one
    for one in (
        Played(
            "out-of-memory",
            "an engine is killed for its memory at every start",
            "legacy-13b",
            _killed,
            ("out-of-memory", "out-of-memory-again"),
            ("OOMKilled",),
            ("describe", "previous"),
        ),
        Played(
            "engine-stuck",
            "an engine hangs: /health says 200, requests run, no token comes",
            "chat-70b",
            lambda levers, _: levers.hang("chat-70b"),
            ("engine-stuck",),
            ("running", "tokens"),
            ("logs", "restart"),
        ),
        Played(
            "kv-cache-thrash",
            "conversations get long: every replica of a model preempts",
            "chat-8b",
            _long_conversations,
            ("kv-cache-preempts",),
            ("preempt", "KV"),
            ("scale", "past"),
            lasts=600,
        ),
        Played(
            "gpu-heat-throttled",
            "a fan fails: a GPU's clocks are lowered for heat",
            "chat-8b",
            lambda levers, _: levers.block_cooling("chat-8b", 0.25),
            ("gpu-throttled-by-heat", "gpu-throttled-by-hardware"),
            ("hot|heat|hardware|thermal|temperature",),
            ("cordon", "drain", "logs", "nodes"),
        ),
        Played(
            "no-free-gpu",
            "two replicas more are wanted than there are GPUs for",
            "summarize",
            lambda levers, _: levers.crowd("summarize", 2),
            ("no-free-gpu",),
            ("GPU",),
            ("nodes", "scale"),
        ),
        Played(
            "queue-grows",
            "users ask four times as often: its queue grows",
            "coder-32b",
            lambda levers, _: levers.demand("coder-32b", 5.0),
            ("queue-grows", "queue-deep", "kv-cache-full", "kv-cache-preempts"),
            ("waiting",),
            ("scale", "past"),
            lasts=600,
        ),
    )
}
"""Incidents by kind."""
