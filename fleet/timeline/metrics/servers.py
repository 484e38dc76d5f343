"""The past of engines: when a process began, and with which settings it was started.

A process reports its own start time, to the second. If none does (several workers behind one page), its counters show a
restart: a lower value than before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fleet.dataclass import dataclass
from fleet.json_fields import time_text
from fleet.metrics.dialect import Dialect, MetricType
from fleet.metrics.identity import NAMESPACE_LABELS, POD_LABELS, first
from fleet.metrics.registry import ENGINES
from fleet.model.objects import ObjectRef
from fleet.model.quantity import Quantity
from fleet.timeline.entry import Entry, EntryKind, Evidence
from fleet.timeline.metrics.queries import MetricSpan, SeriesLifetime, TimelineQueries
from fleet.timeline.metrics.series import Labels

BEGAN: Final = "process_start_time_seconds"
"""Metric of every process that uses a Prometheus client library: the Unix time of its start."""
_TICK: Final = 2.0
"""Tolerance in seconds: the kernel's boot time is in whole seconds, and clocks differ slightly."""
_STARTED_AGAIN: Final = "server process restarted"
_WHOSE: Final = (*NAMESPACE_LABELS, *POD_LABELS, "container")
_BY: Final = ", ".join(_WHOSE)


async def starts(asking: TimelineQueries) -> list[Entry]:
    """Return the starts of processes of engines after which something had run there before. Raises SourceProblem."""
    engines = await _engines(asking)
    spanned = await asking.span(BEGAN)
    found, exact = [], set[tuple[str, ...]]()
    if spanned is not None and engines:
        exact = {_process_key(labels) for labels in await _named(asking, BEGAN)}
        for labels, _, was, value in await asking.changes(spanned):
            if _process_key(labels) in engines and value > was:
                evidence = Evidence(BEGAN, f"{time_text(was)} → {time_text(value)}")
                found.append(
                    Entry(value - _TICK, 2 * _TICK, EntryKind.START, _STARTED_AGAIN, _pod(labels), (evidence,))
                )
    for member in ENGINES:
        found += await _resets(asking, member, exact)
    return [entry for entry in found if entry.about.name]


async def _engines(asking: TimelineQueries) -> set[tuple[str, ...]]:
    """Return the processes of engines by their labels: other processes of a pod begin again, too."""
    names = {name for member in ENGINES for name in member.seen_by()}
    found = set[tuple[str, ...]]()
    for name in sorted(names):
        found |= {_process_key(labels) for labels in await _named(asking, name)}
    return found


async def _named(asking: TimelineQueries, metric: str) -> list[Labels]:
    text = f"max by ({_BY}) (last_over_time({asking.selected(metric)}[{asking.whole}]))"
    return [labels for labels, _, _ in await asking.instant(text)]


async def _resets(asking: TimelineQueries, member: Dialect, exact: set[tuple[str, ...]]) -> list[Entry]:
    """Return the counter resets of processes that do not report their start time."""
    rule = member.rules.get(Quantity.GENERATION_TOKENS)
    counters = [metric for metric in rule.metrics if metric.kind is MetricType.COUNTER] if rule is not None else []
    found: list[Entry] = []
    for name in (spelt for metric in counters for spelt in member.spellings(metric.name)):
        span = await asking.span(name, member.where)
        if span is not None:
            text = f"max by ({_BY}) (resets({span.selected}[{round(span.within)}s])) > 0"
            seen = dict[tuple[str, ...], float]()
            for labels, at, _ in sorted(await asking.over(text, span), key=lambda point: point[1]):
                # It stays visible for the whole window: later samples are the same one.
                again = at - seen.get(_process_key(labels), 0.0) > span.within
                seen[_process_key(labels)] = at
                if again and _process_key(labels) not in exact:
                    found.append(_reset(name, labels, at, span))
    return found


def _reset(name: str, labels: Labels, at: float, span: MetricSpan) -> Entry:
    evidence = Evidence(name, f"counters reset by {time_text(at)}")
    return Entry(at - span.within, span.within, EntryKind.START, _STARTED_AGAIN, _pod(labels), (evidence,))


@dataclass(frozen=True, slots=True)
class _Run:
    """A pod that ran with some settings, and the Unix times between which it reported them."""

    pod: ObjectRef
    settings: Mapping[str, str]
    first: float
    last: float


async def settings_that_changed(asking: TimelineQueries) -> list[Entry]:
    """Return when a workload's servers began to run with other settings. Raises SourceProblem.

    The pods of a workload follow one another: a change is the first pod whose settings differ from its predecessors'.
    """
    found: list[Entry] = []
    for member in ENGINES:
        for metric, names in member.settings.items():
            for spelt in member.spellings(metric):
                span = await asking.span(spelt, member.where)
                if span is None:
                    continue
                heard = await asking.lifetimes(span, ", ".join((*_WHOSE, *names)))
                for workload, runs in _by_workload(asking, heard, names).items():
                    found += _changes(member, spelt, workload, runs, span)
    return found


def _by_workload(
    asking: TimelineQueries, heard: Sequence[SeriesLifetime], names: Sequence[str]
) -> dict[ObjectRef, list[_Run]]:
    found: dict[ObjectRef, list[_Run]] = defaultdict(list)
    for one in sorted(heard, key=lambda one: one.first):
        pod = _pod(one.labels)
        if pod.name:
            settings = {name: one.labels[name] for name in names if name in one.labels}
            found[asking.kin.workload(pod)].append(_Run(pod, settings, one.first, one.last))
    return found


def _changes(
    member: Dialect, metric: str, workload: ObjectRef, runs: Sequence[_Run], span: MetricSpan
) -> Iterator[Entry]:
    for place, run in enumerate(runs[1:], 1):
        before = runs[place - 1]
        # Two versions run side by side: a pod like one of them starts nothing new.
        beside = any(other.settings == run.settings and other.last >= run.first - span.within for other in runs[:place])
        if run.settings == before.settings or beside:
            continue
        lines = tuple(_differences(before.settings, run.settings))
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        what = f"{member.name} started with {lines[0]}{more}"
        evidence = Evidence(f"{metric} of {run.pod}", f"so since {time_text(run.first)}; {before.pod} before")
        at = run.first - span.within
        yield Entry(at, span.within, EntryKind.CHANGE, what, workload, (evidence,), changes=lines)


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield f"{name} {before.get(name, '(not said)')} → {after.get(name, '(not said)')}"


def _process_key(labels: Labels) -> tuple[str, ...]:
    return first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS), labels.get("container", "")


def _pod(labels: Labels) -> ObjectRef:
    return ObjectRef("Pod", first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS))
