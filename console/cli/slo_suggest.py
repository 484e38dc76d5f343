"""``quarterdeck slo suggest``: objectives that the fleet meets today, as TOML for the configuration."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from console.cli import exit_codes, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import any_answered, explain, observe
from console.config.objectives import goals_of
from console.wiring.timeline import of_this_cluster
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import Snapshot
from fleet.objectives.board import models_of
from fleet.objectives.burn_rate import DAY
from fleet.objectives.ledger import Tally
from fleet.objectives.own_counts import EventCounter
from fleet.objectives.owners import RequestOwner
from fleet.objectives.store_counts import StoredCounts, edges_of
from fleet.objectives.suggestion import suggestions, toml
from widgets.values import age_text

if TYPE_CHECKING:
    from fleet.observer import Observer

WINDOW: Final = 3 * DAY
"""Seconds of history used, if a store has them."""


class _Counted:
    """Counts, by the best that there is."""

    def __init__(self) -> None:
        self.window = 0.0
        self.tallies: Mapping[RequestOwner, Tally] = {}
        self.since: Mapping[RequestOwner, float] = {}
        self.at = time.time()

    async def ask(self, invocation: Invocation, observing: Observer) -> None:
        """Query the store; without one, use the current measurement."""
        settings, latest = invocation.load().settings, observing.metrics.latest
        try:
            store = await observing.metrics.store(observing.objects.state(), time.time())
            if store is not None:
                counts = StoredCounts(goals_of(settings.objectives), of_this_cluster(settings))
                self.tallies, self.since = await counts.counted(store, latest, WINDOW)
                self.window, self.at = WINDOW, await store.now()
                return
        except SourceProblem as problem:
            say(f"the metrics store cannot answer: {problem.message}")
        if latest is not None:
            watched = EventCounter()
            watched.note(latest, edges_of(latest))
            self.window, self.tallies = latest.window, watched.tallies((latest.window,))[latest.window]


def run(invocation: Invocation) -> int:
    """Exit 0 with tables of TOML, 1 if too little is measured for suggestions, 3 if no source answers."""
    counted = _Counted()

    async def then(observing: Observer, snapshot: Snapshot) -> None:
        del snapshot
        await counted.ask(invocation, observing)

    settings = invocation.load().settings
    snapshot = interruptible.run(observe(settings, invocation.options.wait, then=then))
    for line in explain(snapshot):
        say(line)
    if not any_answered(snapshot):
        return exit_codes.UNREACHABLE
    lines = list(_lines(snapshot, counted))
    if not lines:
        say("too few requests were counted to suggest an objective")
        return exit_codes.PROBLEM
    print(*lines, sep="\n")
    return exit_codes.OK


def _lines(snapshot: Snapshot, counted: _Counted) -> Iterator[str]:
    several = len({model.namespace for model in snapshot.models.values()}) > 1
    for subject, owns in models_of(snapshot):
        mine = [tally for owner, tally in counted.tallies.items() if owns(owner)]
        began = min((at for owner, at in counted.since.items() if owns(owner)), default=counted.at - counted.window)
        covered = min(counted.window, counted.at - began)
        found = list(suggestions(mine, counted.window, covered))
        if found:
            name = f"{subject.namespace}-{subject.name}" if several else subject.name
            yield f"# What it meets today, by the last {age_text(covered)}, with half of the budget to spare."
            yield from toml(name, subject.namespace, subject.name, found)
            yield ""
