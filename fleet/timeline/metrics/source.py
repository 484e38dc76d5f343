"""The past from a store that answers PromQL: the store finds the moments, and returns only those.

A changed value differs from itself one step earlier; a series that ended has its last sample before now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from fleet.json_fields import time_text
from fleet.kinds.replicaset import REPLICA_SET
from fleet.metrics.dialect import Match
from fleet.model.objects import ObjectRef
from fleet.model.problem import SourceProblem
from fleet.sources.store import Store
from fleet.timeline.entry import GONE, WHOLE_SECONDS, Entry, EntryKind, Evidence
from fleet.timeline.kinship import Kinship
from fleet.timeline.metrics.gpus import gpus_that_changed
from fleet.timeline.metrics.kube_state import APPEARING, CHANGING, CREATED, ENDING, NOBODY
from fleet.timeline.metrics.queries import EXPORTER, MetricSpan, TimelineQueries
from fleet.timeline.metrics.series import (
    ChangeMessage,
    ChangingMetric,
    CreationMetric,
    PresenceMetric,
    StateMetric,
    TimelineMetric,
    label,
)
from fleet.timeline.metrics.servers import settings_that_changed, starts
from fleet.timeline.source import Gap, SourceTimeline

_NAMED = 5
"""Clusters that are named."""
_NONE = SourceProblem("there is no Prometheus to query", "name one with --prometheus URL")


class MetricsTimeline:
    """A TimelineSource of the store that ``find`` returns, None for none.

    ``within`` are labels that all series must have: one cluster of a store of several. ``cluster_label`` distinguishes
    these: data of a store of several clusters is not used until the cluster is named.
    """

    name = "metrics"

    def __init__(
        self, find: Callable[[], Awaitable[Store | None]], within: Sequence[Match] = (), cluster_label: str = ""
    ) -> None:
        self._find = find
        self._within = tuple(within)
        self._cluster_label = cluster_label

    async def read(self, since: float) -> SourceTimeline:
        """Return the entries of all metrics; a refused query does not prevent the others."""
        try:
            store = await self._find()
            if store is None:
                return SourceTimeline((), Kinship(), (_gap(_NONE),))
            asking = TimelineQueries(store, self._within, since, await store.now())
            if self._cluster_label and not self._within:
                await _check_one_cluster(asking, self._cluster_label)
            return await _read_metrics(asking)
        except SourceProblem as problem:
            return SourceTimeline((), Kinship(), (_gap(problem),))


async def _check_one_cluster(asking: TimelineQueries, label: str) -> None:
    """Raises SourceProblem for a store that has the objects of several clusters."""
    found = await asking.instant(f"count by ({label}) (last_over_time(kube_node_info[{asking.whole}]))")
    names = sorted(labels.get(label, "") for labels, _, _ in found)
    if len(names) > 1:
        named = ", ".join(name or "(none)" for name in names[:_NAMED])
        raise SourceProblem(
            f"this store has the objects of {len(names)} clusters ({named}), and nothing identifies this one",
            "set prometheus.cluster in the configuration",
        )


async def _read_metrics(asking: TimelineQueries) -> SourceTimeline:
    gaps = dict[Gap, None]()

    async def gather(asked: Iterable[Awaitable[list[Entry]]]) -> list[Entry]:
        found: list[Entry] = []
        for one in await asyncio.gather(*asked, return_exceptions=True):
            if isinstance(one, SourceProblem):
                gaps[_gap(one)] = None
            elif isinstance(one, BaseException):
                raise one
            else:
                found += one
        return found

    entries = await gather(
        [
            *(_changes(asking, one) for one in CHANGING),
            *(_appearances(asking, one) for one in APPEARING),
            *(_ends(asking, one) for one in ENDING),
            *(_creations(asking, one) for one in CREATED if not one.of_workload),
            _owners(asking),
            gpus_that_changed(asking),
            starts(asking),
        ]
    )
    # Pods and ReplicaSets must be assigned to their workload.
    made = (_creations(asking, one) for one in CREATED if one.of_workload)
    entries += await gather([settings_that_changed(asking), *made])
    return SourceTimeline(tuple(entries), asking.kin, tuple(gaps))


async def _changes(asking: TimelineQueries, one: ChangingMetric) -> list[Entry]:
    span = await asking.span(one.metric, one.matches)
    if span is None:
        return []
    entries = []
    for labels, at, was, value in await asking.changes(span):
        message = one.says(was, value, labels)
        if message is not None:
            evidence = Evidence(one.metric, f"{was:g} → {value:g} by {time_text(at)}")
            entries.append(_entry(message, one.about(labels), at, span, evidence))
    return entries


async def _appearances(asking: TimelineQueries, one: StateMetric) -> list[Entry]:
    span = await asking.span(one.metric, one.matches)
    if span is None:
        return []
    # A store returns a last sample for minutes, unless a staleness marker ended the series.
    begun, ended = await asking.two_sides(span, "{now} unless ({before})", "({stamp}) unless {now}")
    return [
        *(
            _entry(one.begins(labels), one.about(labels), at, span, Evidence(one.metric, f"present by {time_text(at)}"))
            for labels, at, _ in begun
        ),
        *(
            _entry(one.ends(labels), one.about(labels), last + span.within, span, _last(one, last))
            for labels, _, last in ended
        ),
    ]


async def _ends(asking: TimelineQueries, one: PresenceMetric) -> list[Entry]:
    span = await asking.span(one.metric, one.matches)
    if span is None:
        return []
    over = f"[{asking.whole}:{span.step}s]"
    newest: dict[ObjectRef, float] = {}
    for labels, _, last in await asking.instant(f"max_over_time(timestamp({span.selected}){over})"):
        ref = one.about(labels)
        newest[ref] = max(last, newest.get(ref, 0.0))
        for above in one.above(labels):
            asking.kin.note(ref, above)
        if (maker := one.maker(labels)) is not None:
            asking.kin.note_maker(ref, maker)
    # If all have ended, the exporter itself is gone.
    heard = max(newest.values(), default=0.0)
    return [
        Entry(last, span.within, EntryKind.END, one.gone, ref, (_last(one, last),), topic=GONE)
        for ref, last in newest.items()
        if last < heard - span.within
    ]


async def _creations(asking: TimelineQueries, one: CreationMetric) -> list[Entry]:
    over = f"max without ({EXPORTER}) (last_over_time({asking.selected(one.metric)}[{asking.whole}]))"
    entries = []
    for labels, _, created in await asking.instant(f"{over} >= {asking.since:.0f}"):
        ref = one.about(labels)
        message = one.says(ref)
        about = asking.kin.workload(ref) if one.of_workload else ref
        if about is not ref or not one.of_workload:
            evidence = Evidence(one.metric, f"{ref}: {time_text(created)}")
            entries.append(
                Entry(created, WHOLE_SECONDS, message.kind, message.what, about, (evidence,), topic=message.topic)
            )
    return entries


async def _owners(asking: TimelineQueries) -> list[Entry]:
    """Return the owners of ReplicaSets; pods' metrics name their own owner."""
    owned = asking.selected("kube_replicaset_owner")
    for labels, _, _ in await asking.instant(f"last_over_time({owned}[{asking.whole}])"):
        namespace, name = label(labels, "namespace"), label(labels, "replicaset")
        kind, owner = label(labels, "owner_kind"), label(labels, "owner_name")
        if kind and kind != NOBODY:
            made = ObjectRef(REPLICA_SET.kind, namespace, name)
            asking.kin.note_maker(made, ObjectRef(kind, namespace, owner))
    return []


def _entry(message: ChangeMessage, ref: ObjectRef, at: float, span: MetricSpan, evidence: Evidence) -> Entry:
    """Return an entry; ``at`` is the step at which it is seen: it happened before that, and after the previous
    sample.
    """
    return Entry(
        at - span.within,
        span.within,
        message.kind,
        message.what,
        ref,
        (evidence,),
        weight=message.weight,
        topic=message.topic,
    )


def _last(one: TimelineMetric, at: float) -> Evidence:
    return Evidence(one.metric, f"its last sample is of {time_text(at)}")


def _gap(problem: SourceProblem) -> Gap:
    return Gap(
        "deleted objects, and changes before the last, that no console saw",
        problem.message,
        problem.remedy,
    )
