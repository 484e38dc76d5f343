"""The past from a store that speaks PromQL: the store finds the moments, and answers with those alone.

A value that changed is what differs from itself one step earlier; a series that ended has its last sample before now.
How many samples the store has to look at is bounded: where there are many series, or the span is long, the steps get
longer, and with them what the entries say of their precision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from typing import Any, TypeAlias

from fleet.dataclass import dataclass
from fleet.kinds.replicaset import REPLICA_SET
from fleet.metrics.dialect import Match
from fleet.metrics.promql import selector
from fleet.model.objects import ObjectRef
from fleet.sources.problem import SourceProblem
from fleet.sources.store import Store
from fleet.timeline.entry import Entry, EntryKind, Evidence
from fleet.timeline.kinship import Kinship
from fleet.timeline.metrics.kube_state import APPEARING, CHANGING, ENDING, NOBODY
from fleet.timeline.metrics.series import Appearing, Asked, Changing, Ending, Labels, Said, label
from fleet.timeline.source import Gap, Told

SAMPLES = 5_000_000
"""Samples that one question may make the store look at; Prometheus refuses what has more than 50 million at once."""
POINTS = 10_000
"""Steps of one range query; Prometheus refuses more than 11,000."""
_FEW = 600
"""Seconds whose samples are counted to know the scrape interval, the most of any such span of the last hour."""
_NAMED = 5
"""Clusters that are named."""
_NONE = SourceProblem("there is no Prometheus that could be asked", "name one with --prometheus URL")
_EXPORTER = "instance, job, endpoint, service"
"""Labels of whoever exports, not of the objects."""
_USUAL = 60.0
"""Seconds: the scrape interval of what has no samples of late."""


_Point: TypeAlias = tuple[Labels, float, float]
"""Labels, Unix time, value."""


@dataclass(frozen=True, slots=True)
class _Span:
    """The way in which one metric is asked. Times in seconds."""

    selected: str
    """Selector of the metric."""
    start: float
    end: float
    step: int
    interval: float
    """Time between two scrapes."""

    @property
    def within(self) -> float:
        """How far a moment may be before the step at which it is seen, rounded up to whole seconds."""
        return ceil(self.step + self.interval)


class MetricsTimeline:
    """A TimelineSource of the store that ``find`` gives, None for none.

    ``within`` are labels that all series must have: one cluster of a store of several. ``cluster_label`` tells those
    apart: what a store of several says is nothing about this one as long as nobody says which it is.
    """

    name = "metrics"

    def __init__(
        self, find: Callable[[], Awaitable[Store | None]], within: Sequence[Match] = (), cluster_label: str = ""
    ) -> None:
        self._find = find
        self._within = tuple(within)
        self._cluster_label = cluster_label

    async def tell(self, since: float) -> Told:
        """Tell what all metrics do; a store that refuses one question answers the others."""
        try:
            store = await self._find()
            if store is None:
                return Told((), Kinship(), (_gap(_NONE),))
            asking = _Asking(store, self._within, since, await store.now())
            if self._cluster_label and not self._within:
                await asking.check_one_cluster(self._cluster_label)
            return await asking.tell()
        except SourceProblem as problem:
            return Told((), Kinship(), (_gap(problem),))


class _Asking:
    """One question to one store. Times are Unix times on its clock."""

    def __init__(self, store: Store, within: tuple[Match, ...], since: float, now: float) -> None:
        self._store = store
        self._within = within
        self._since = since
        self._now = now
        self._whole = f"{ceil(now - since)}s"
        """The span, as PromQL has it."""
        self._kin = Kinship()

    async def check_one_cluster(self, label: str) -> None:
        """Raises SourceProblem for a store that has the objects of several clusters."""
        text = f"count by ({label}) (last_over_time(kube_node_info[{self._whole}]))"
        names = sorted(labels.get(label, "") for labels, _, _ in _values(await self._store.query(text, self._now)))
        if len(names) > 1:
            named = ", ".join(name or "(none)" for name in names[:_NAMED])
            raise SourceProblem(
                f"this store has the objects of {len(names)} clusters ({named}), and nothing says which this is",
                "set prometheus.cluster in the configuration",
            )

    async def tell(self) -> Told:
        gaps = dict[Gap, None]()

        async def gather(telling: Iterable[Any]) -> list[Entry]:
            found: list[Entry] = []
            for one in await asyncio.gather(*telling, return_exceptions=True):
                if isinstance(one, SourceProblem):
                    gaps[_gap(one)] = None
                elif isinstance(one, BaseException):
                    raise one
                else:
                    found += one
            return found

        entries = await gather(
            [
                *(self._changes(one) for one in CHANGING),
                *(self._appearances(one) for one in APPEARING),
                *(self._ends(one) for one in ENDING),
                self._owners(),
            ]
        )
        return Told(tuple(entries), self._kin, tuple(gaps))

    async def _changes(self, one: Changing) -> list[Entry]:
        span = await self._span(one)
        if span is None:
            return []
        # Both sides of each moment, as two answers with the same steps.
        new, old = await self._two_sides(span, "{now} != ({before})", "({before}) != {now}")
        earlier = {(_key(labels), at): value for labels, at, value in old}
        entries = []
        for labels, at, value in new:
            was = earlier.get((_key(labels), at))
            said = one.says(was, value, labels) if was is not None else None
            if said is not None:
                evidence = Evidence(one.metric, f"{was:g} → {value:g} by {_stamp(at)}")
                entries.append(_entry(said, one.about(labels), at, span, evidence))
        return entries

    async def _appearances(self, one: Appearing) -> list[Entry]:
        span = await self._span(one)
        if span is None:
            return []
        # A store goes on to answer with a last sample for minutes, unless something said that it was the last.
        begun, ended = await self._two_sides(span, "{now} unless ({before})", "({stamp}) unless {now}")
        return [
            *(
                _entry(one.begins(labels), one.about(labels), at, span, Evidence(one.metric, f"there by {_stamp(at)}"))
                for labels, at, _ in begun
            ),
            *(
                _entry(one.ends(labels), one.about(labels), last + span.within, span, _last(one, last))
                for labels, _, last in ended
            ),
        ]

    async def _two_sides(self, span: _Span, *forms: str) -> list[list[_Point]]:
        """The points of range queries about a metric now and one step before."""
        # A rescheduled exporter is another instance, and tells of the same objects.
        now = f"max without ({_EXPORTER}) ({span.selected})"
        before = f"max without ({_EXPORTER}) ({span.selected} offset {span.step}s)"
        stamp = f"max without ({_EXPORTER}) (timestamp({span.selected} offset {span.step}s))"
        texts = [form.format(now=now, before=before, stamp=stamp) for form in forms]
        answers = await asyncio.gather(*(self._store.range(text, span.start, span.end, span.step) for text in texts))
        return [list(_points(answer)) for answer in answers]

    async def _ends(self, one: Ending) -> list[Entry]:
        span = await self._span(one)
        if span is None:
            return []
        over = f"[{self._whole}:{span.step}s]"
        newest: dict[ObjectRef, float] = {}
        for labels, _, last in _values(
            await self._store.query(f"max_over_time(timestamp({span.selected}){over})", self._now)
        ):
            ref = one.about(labels)
            newest[ref] = max(last, newest.get(ref, 0.0))
            for above in one.above(labels):
                self._kin.note(ref, above)
            if (maker := one.maker(labels)) is not None:
                self._kin.note_maker(ref, maker)
        # Where all have ended, it is the exporter that says nothing any more.
        heard = max(newest.values(), default=0.0)
        return [
            Entry(
                last,
                span.within,
                EntryKind.END,
                one.gone,
                ref,
                (_last(one, last),),
            )
            for ref, last in newest.items()
            if last < heard - span.within
        ]

    async def _owners(self) -> list[Entry]:
        """Return the owners of ReplicaSets; pods say themselves what they belong to."""
        owned = selector("kube_replicaset_owner", self._within)
        for labels, _, _ in _values(await self._store.query(f"last_over_time({owned}[{self._whole}])", self._now)):
            namespace, name = label(labels, "namespace"), label(labels, "replicaset")
            kind, owner = label(labels, "owner_kind"), label(labels, "owner_name")
            if kind and kind != NOBODY:
                made = ObjectRef(REPLICA_SET.kind, namespace, name)
                self._kin.note_maker(made, ObjectRef(kind, namespace, owner))
        return []

    async def _span(self, one: Asked) -> _Span | None:
        """Return how a metric is to be asked; None for one that the store did not have in all that time."""
        selected = selector(one.metric, (*one.matches, *self._within))
        there = await self._store.query(f"count(count_over_time({selected}[{self._whole}]))", self._now)
        series = next((value for _, _, value in _values(there)), 0.0)
        if not series:
            return None
        often = await self._store.query(
            f"max_over_time(max(count_over_time({selected}[{_FEW}s]))[1h:{_FEW}s])", self._now
        )
        interval = next((_FEW / value for _, _, value in _values(often) if value > 1), _USUAL)
        length = self._now - self._since
        step = ceil(max(interval, length / POINTS, length * series / SAMPLES))
        return _Span(selected, self._since, self._now, step, interval)


def _entry(said: Said, ref: ObjectRef, at: float, span: _Span, evidence: Evidence) -> Entry:
    """``at`` is the step at which it is seen: it happened before that, and after the sample before."""
    return Entry(
        at - span.within, span.within, said.kind, said.what, ref, (evidence,), weight=said.weight, topic=said.topic
    )


def _last(one: Asked, at: float) -> Evidence:
    return Evidence(one.metric, f"its last sample is of {_stamp(at)}")


def _points(result: Sequence[Any]) -> Iterator[_Point]:
    """(labels, Unix time, value) of a matrix; what is none of that is left out."""
    for series in result:
        if isinstance(series, dict):
            for sample in series.get("values") or ():
                yield from _sample(series, sample)


def _values(result: Sequence[Any]) -> Iterator[_Point]:
    """The same of a vector."""
    for series in result:
        if isinstance(series, dict):
            yield from _sample(series, series.get("value"))


def _sample(series: Mapping[str, Any], sample: Any) -> Iterator[_Point]:
    labels = series.get("metric")
    if not isinstance(labels, dict) or not isinstance(sample, list) or len(sample) != 2:
        return
    with suppress(TypeError, ValueError):
        yield {str(k): str(v) for k, v in labels.items()}, float(sample[0]), float(sample[1])


def _key(labels: Labels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _gap(problem: SourceProblem) -> Gap:
    return Gap(
        "objects that are gone, and changes before the last",
        problem.problem,
        problem.remedy,
    )
