"""``quarterdeck rules``: Prometheus rules on stdout, for the objectives and the causes that Prometheus alone can
detect.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from console.cli import exit_codes, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import any_answered, explain, observe
from console.views.objectives import board
from console.wiring.timeline import of_this_cluster
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.registry import ENGINES
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import Snapshot
from fleet.rules.document import as_yaml, rule_file
from fleet.rules.names import names_in, usual_names

if TYPE_CHECKING:
    from fleet.observer import Observer


def run(invocation: Invocation) -> int:
    """Exit 0 with a file of rules, 1 if there is nothing to make rules of, 3 if no source answers."""
    settings, wait = invocation.load().settings, invocation.options.wait
    names: set[str] = set()
    dialects: list[DialectSet] = []

    async def then(observing: Observer, snapshot: Snapshot) -> None:
        spoken = {name for origin in snapshot.origins.values() for name in origin.dialects or (origin.product,)}
        dialects.append(ENGINES.of_products(spoken))
        try:
            store = await observing.metrics.store(observing.objects.state(), time.time())
            if store is not None:
                names.update(await names_in(store, dialects[0], of_this_cluster(settings)))
        except SourceProblem as problem:
            say(f"the metrics store does not list its metrics: {problem.message}")

    snapshot = interruptible.run(observe(settings, wait, beside=wait, then=then))
    for line in explain(snapshot):
        say(line)
    if not any_answered(snapshot):
        return exit_codes.UNREACHABLE
    if not names and dialects:
        say("no metrics store answers: the engines' default metric names are used")
        names.update(usual_names(dialects[0]))
    found = board(snapshot)
    rows = found.rows if found is not None else ()
    document = rule_file(snapshot, rows, dialects[0] if dialects else ENGINES, names, max(60.0, snapshot.window))
    if not document["groups"]:
        say("no engine is measured: there is nothing to write rules for")
        return exit_codes.PROBLEM
    if found is not None and not found.are_promised:
        say("the objectives are defaults that nobody has agreed to: quarterdeck slo suggest proposes your own")
    print(as_yaml(document), end="")
    return exit_codes.OK
