"""One examination of monitoring, in a bounded number of queries: a part that fails is a gap, and the others go on."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from fleet.metrics.dialect import Match
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.alerts import MonitoringRule
from fleet.model.counting import count
from fleet.model.problem import SourceProblem
from fleet.monitoring.faults import Examined, FaultKind, MonitoringFault
from fleet.monitoring.rules import RuleReport, unevaluated
from fleet.monitoring.selector_queries import MOST, CountingStore
from fleet.monitoring.targets import down, twice
from fleet.sources.store import Store, own_labels

_ORDER = {kind: place for place, kind in enumerate(FaultKind)}


async def examine(
    store: Store | None, rules: Sequence[MonitoringRule], now: float, within: Sequence[Match] = ()
) -> Examined:
    """Compare rules with a store, and check its targets. ``within`` are labels of this cluster's series.

    Without a store, only the rules' own evaluation state is checked.
    """
    faults, gaps = list(unevaluated(rules, now)), []
    if not rules:
        gaps.append("no rules are known: no source evaluates any (:sources lists the sources)")
    if store is None:
        gaps.append("no metrics store answers: neither series nor targets could be checked")
        return Examined(now, tuple(faults), len(rules), gaps=tuple(gaps))
    asking, held, own = CountingStore(store), RuleReport(rules), own_labels(store, within)

    async def part(name: str, look: Awaitable[list[MonitoringFault]]) -> None:
        try:
            faults.extend(await look)
        except SourceProblem as problem:
            gaps.append(f"{name}: {problem.message}")

    # Cheap checks first: rules may use all remaining queries.
    await part("targets", down(asking, own))
    await part("engines that are scraped twice", twice(asking, ENGINES, own))
    await part("series of the rules", held.faults(asking, (ENGINES, GATEWAYS, GPUS)))
    if asking.left_out:
        left_out = count(asking.left_out, "selector was", "selectors were")
        gaps.append(f"{left_out} not checked: the limit of {MOST} queries was reached")
    faults.sort(key=lambda fault: (_ORDER[fault.kind], fault.about))
    return Examined(now, tuple(faults), len(rules), len(held.selectors), asking.sent, tuple(gaps))
