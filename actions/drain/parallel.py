"""Several units in parallel, reported as one."""

from __future__ import annotations

from collections.abc import Sequence

from actions.drain.execute import DrainPhase, drain
from actions.drain.unit import DrainUnit
from actions.drain.wait import Terms
from actions.planning.plan_context import Reads
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome
from fleet.model.counting import share
from fleet.model.snapshot import Snapshot

_WORDS = {
    DrainPhase.RELEASE: "a replacement starts",
    DrainPhase.LEAVE: "leaves its endpoints",
    DrainPhase.WAIT: "waits for its requests",
    DrainPhase.EVICT: "is evicted",
    DrainPhase.REPLACE: "is replaced",
}


class ParallelDrains:
    """Drains the units of several workloads in parallel, those of one workload in turn.

    After the first failure no further unit is begun; those under way are completed.
    """

    def __init__(self, execution: ClusterExecution, terms: Terms, total: int) -> None:
        self._work = execution
        self._terms = terms
        self._busy: dict[str, str] = {}
        self.total = total
        self.gone = 0
        self.cut: list[str] = []
        """Requests that had not ended by their deadline, in words."""
        self.failures: list[Outcome] = []
        self.errors: list[Exception] = []

    async def drain(self, units: Sequence[DrainUnit]) -> None:
        """Drain the units of one workload, one after the other."""
        for unit in units:
            if self.failures or self.errors:
                return
            execution = _Part(self._work, self, unit.name)
            try:
                outcome, cut = await drain(
                    unit, execution, self._terms, execution.enter, as_planned=False, follow=False
                )
            except Exception as error:  # noqa: BLE001 - reported by the caller, after the other drains
                self.errors.append(error)
                return
            finally:
                self._busy.pop(unit.name, None)
            if cut:
                self.cut.append(cut)
            if outcome is not None:
                self.failures.append(outcome)
                return
            self.gone += len(unit.members)
            self.report()

    def report(self, name: str = "", text: str = "", eta: float | None = None) -> None:
        """Report the progress of all; ``text`` of one unit."""
        if name:
            self._busy[name] = text
        parts = [f"{busy}: {text}" for busy, text in self._busy.items() if text]
        words = f"{share(self.gone, self.total, 'pod')} gone"
        self._work.say("; ".join((words, *parts[:3])), self.gone, self.total, eta if len(self._busy) == 1 else None)


class _Part:
    """The execution of one unit among several: its progress is combined with that of the others."""

    def __init__(self, execution: ClusterExecution, drains: ParallelDrains, name: str) -> None:
        self._drains = drains
        self._name = name
        self.rules = execution.rules
        self.now = execution.now
        self.send = execution.send
        self.until = execution.until
        self._work = execution

    @property
    def reads(self) -> Reads:
        return self._work.reads

    @property
    def snapshot(self) -> Snapshot:
        return self._work.snapshot

    def step(self, index: int) -> None:
        """Do nothing: all drains share the steps of the plan."""

    def enter(self, phase: DrainPhase) -> None:
        self._drains.report(self._name, _WORDS[phase])

    def say(self, text: str, done: float = 0.0, total: float = 0.0, eta: float | None = None) -> None:
        del done, total
        self._drains.report(self._name, text, eta)
