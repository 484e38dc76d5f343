"""Targets that are down, and engines that are scraped twice and so counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fleet.metrics.dialect import Dialect, Match, Op
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import CLUSTER_LABEL
from fleet.metrics.promql import selector
from fleet.metrics.queries import running_names
from fleet.monitoring.faults import FaultKind, MonitoringFault
from fleet.monitoring.selector_queries import CountingStore

_NAMED = 5
_POD = (CLUSTER_LABEL, "namespace", "pod")
"""Labels by which a store of several clusters distinguishes pods."""
_NAMES_A_POD = Match("pod", Op.NOT_EQUAL, "")


async def down(asking: CountingStore, within: Sequence[Match] = ()) -> list[MonitoringFault]:
    """The jobs with targets that are down. Raises SourceProblem."""
    jobs: dict[str, list[str]] = {}
    for row in await asking.query(f"{selector('up', within)} == 0"):
        labels = _labels(row)
        jobs.setdefault(labels.get("job", ""), []).append(labels.get("pod") or labels.get("instance") or "?")
    remedy = "its Targets page says why"
    return [
        MonitoringFault(FaultKind.DOWN, job or "(no job)", f"{len(found)} down: {_some(sorted(found))}", remedy)
        for job, found in sorted(jobs.items())
    ]


async def twice(asking: CountingStore, dialects: DialectSet, within: Sequence[Match] = ()) -> list[MonitoringFault]:
    """Return the engines with duplicate series: sums over them are too high. Raises SourceProblem."""
    found: list[MonitoringFault] = []
    labels = (*_POD, *dialects.model_labels, *dialects.rank_labels, *dialects.distinguishing)
    for member in dialects:
        every = _series_of(member, (_NAMES_A_POD, *within))
        counted = await asking.query(f"count by ({', '.join(dict.fromkeys(labels))}) ({every}) > 1")
        rows = [_labels(row) for row in counted]
        if rows:
            pods = sorted({f"{row.get('namespace', '')}/{row.get('pod', '')}" for row in rows})
            of_first = [Match(label, Op.EQUAL, rows[0].get(label, "")) for label in _POD]
            series = [_labels(row) for row in await asking.query(_series_of(member, (*of_first, *within)))]
            remedy = "keep one of the scrapes (ServiceMonitor, PodMonitor, annotation), or deduplicate replicas"
            found.append(MonitoringFault(FaultKind.TWICE, member.name, f"{_some(pods)}: {_differing(series)}", remedy))
    return found


def _series_of(member: Dialect, matches: Sequence[Match]) -> str:
    return " or ".join(selector(name, (*member.where, *matches)) for name in running_names(member))


def _differing(series: Sequence[dict[str, str]]) -> str:
    """Return the labels in which the series of one engine differ, which name the scrapers."""
    names = sorted({label for one in series for label in one})
    values = {label: sorted({one.get(label, "") for one in series}) for label in names}
    texts = (f"{label} is {' and '.join(found[:3])}" for label, found in values.items() if len(found) > 1)
    return "; ".join(texts) or "several series each"


def _labels(row: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in row["metric"].items()}


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
