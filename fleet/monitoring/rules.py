"""Rules that cannot work: their series do not exist, or they are not evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleet.metrics.dialect_set import DialectSet
from fleet.model.alerts import Matcher, MonitoringRule
from fleet.monitoring.faults import FaultKind, MonitoringFault
from fleet.monitoring.selector_queries import CountingStore
from fleet.monitoring.selectors import Read, Selector, read

LATE = 3.0
"""Evaluation intervals after which a rule is late: Prometheus skips one if the previous one takes too long."""
_GRACE = 60.0
"""Seconds more: the facts are as old as their last poll."""
_SUFFIXES = ("_total", "_bucket", "_count", "_sum")
_EDGES = 6
"""Bucket edges that are named."""


def unevaluated(rules: Iterable[MonitoringRule], now: float) -> Iterator[MonitoringFault]:
    """Yield rules that fail, and those that have not been evaluated for a while; ``now`` in Unix seconds."""
    for rule in rules:
        late = now - rule.evaluated if rule.evaluated is not None and rule.evaluated > 0 else 0.0
        if rule.health == "err":
            yield MonitoringFault(
                FaultKind.NOT_EVALUATED, name_of(rule), rule.problem or "it fails", "correct its expression"
            )
        elif rule.interval and late > LATE * rule.interval + _GRACE:
            since = f"for {late:.0f} s, and is due every {rule.interval:g} s"
            yield MonitoringFault(
                FaultKind.NOT_EVALUATED, name_of(rule), f"it was not evaluated {since}", "is its evaluator up?"
            )


class RuleReport:
    """Rules held against the series of a store."""

    def __init__(self, rules: Sequence[MonitoringRule]) -> None:
        self._read: list[tuple[MonitoringRule, Read]] = [(rule, read(rule.expression)) for rule in rules]
        every = (selector for _, found in self._read for selector in found.selectors)
        self.selectors = tuple(dict.fromkeys(every))

    async def faults(self, asking: CountingStore, dialects: Sequence[DialectSet]) -> list[MonitoringFault]:
        """The rules with selectors that have no series."""
        counts = await asking.counts(self.selectors)
        empty = [one for one in self.selectors if counts.get(one) == 0]
        dead = await _why(empty, asking, dialects)
        return list(self._faults(dead))

    def _faults(self, dead: Mapping[Selector, str]) -> Iterator[MonitoringFault]:
        for rule, found in self._read:
            gone = [one for one in found.selectors if one in dead]
            if not gone:
                continue
            some_live = found.alternatives and len(gone) < len(found.selectors)
            what = "; ".join(dict.fromkeys(f"{one}: {dead[one]}" for one in gone))
            effect = "it may be meant so: another part of it has series" if some_live else _EFFECTS[rule.alerting]
            yield MonitoringFault(FaultKind.PARTLY if some_live else FaultKind.DEAD, name_of(rule), what, effect)


_EFFECTS = {True: "its alert cannot fire until there are some", False: "it records nothing until there are some"}


async def _why(empty: Sequence[Selector], asking: CountingStore, dialects: Sequence[DialectSet]) -> dict[Selector, str]:
    """Return the reasons, by querying near misses: the name alone, other names, and all matchers but one."""
    bare = {one: Selector(one.name) for one in empty if one.name}
    others = {one: [Selector(name) for name in _near(one.name, dialects)] for one in bare}
    less = {one: [(m, one.without(m)) for m in one.matchers] for one in empty}
    wanted = [*bare.values(), *(o for found in others.values() for o in found)]
    wanted += [o for found in less.values() for _, o in found]
    counts = await asking.counts(list(dict.fromkeys(wanted)))
    reasons: dict[Selector, str] = {}
    for one in empty:
        if one.name and counts.get(bare[one]) == 0:
            reasons[one] = _no_name(one.name, [o.name for o in others[one] if counts.get(o)], dialects)
            continue
        blamed = [matcher for matcher, without in less[one] if counts.get(without)]
        edge = next((matcher for matcher in blamed if matcher.name == "le" and not matcher.regex), None)
        if edge is not None:
            reasons[one] = await _no_edge(one, edge, asking)
        else:
            reasons[one] = f"no series has {' or '.join(map(str, blamed))}" if blamed else "no series"
    return reasons


def _no_name(name: str, near: Sequence[str], dialects: Sequence[DialectSet]) -> str:
    if near:
        return f"no such metric; there is {near[0]}"
    opt_in = (row for every in dialects for member in every for row in member.opt_in.items())
    switch = next((switch for begins, switch in opt_in if name.startswith(begins)), "")
    return f"no such metric; it is there only if {switch}" if switch else "no such metric"


def _near(name: str, dialects: Sequence[DialectSet]) -> list[str]:
    """Return names that may have been intended: with and without a counter's suffix, with a colon, and those of other
    releases.
    """
    bare = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), name)
    found = [f"{bare}_total", bare, f"{bare}_bucket", name.replace(":", "_", 1), name.replace("_", ":", 1)]
    for member in (member for every in dialects for member in every):
        for rule in member.rules.values():
            spelt = [spelling for metric in rule.metrics for spelling in member.spellings(metric.name)]
            found += spelt if name in spelt else []
    return [one for one in dict.fromkeys(found) if one != name]


async def _no_edge(selector: Selector, edge: Matcher, asking: CountingStore) -> str:
    result = await asking.query(f"count by (le) ({selector.without(edge)})")
    edges = {str(row["metric"].get("le", "")) for row in result}
    wanted = _number(edge.value)
    nearest = sorted(edges, key=lambda one: (abs(_number(one) - wanted), one))[:_EDGES]
    return f'no bucket has le="{edge.value}"; there are {", ".join(sorted(nearest, key=_number))}'


def name_of(rule: MonitoringRule) -> str:
    """A rule with its group, as people look for it."""
    return f"{rule.group}/{rule.name}"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")
