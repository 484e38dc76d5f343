"""PromQL for one quantity of one object over time, by the rules of the live numbers.

Percentiles come from merged buckets, ratios from sums, and what two scrapers saw counts once. If a step is longer than
the rate window, a gauge is aggregated over the step (its mean; its maximum or minimum where a group uses that), and
rates and percentiles cover the whole step, so that no moment falls between two points.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from fleet.metrics.dialect import IMPLAUSIBLE, Dialect, Match, Metric, MetricType, Op, Pick, Rule
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import PART, rate_function
from fleet.metrics.identity import NAMESPACE_LABELS, POD_LABELS, REPLICA_LABELS, counted_by, gpu_key_labels
from fleet.metrics.promql import duration, joined, limited_to, listed, pattern, queries, scaled, selector, span, tagged
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.curve import CurveQuestion, GatewaySeries, Series
from fleet.model.naming import UNKNOWN_NAMING, Naming, SeriesNaming
from fleet.model.quantity import GATEWAY_QUANTITIES, GPU_QUANTITIES, MEANINGS, QUANTILES, RATIOS, Combine, Quantity

_SPELLINGS = 2
"""Number of pod labels that are queried: the others belong to rare exporters, and each makes the query longer."""
_SCRAPERS = ("job", "endpoint", "service", "container", "prometheus")
"""Labels set by the scraper, not by the target; those of replicas are others."""
_OPERATORS = {
    Combine.SUM: "sum",
    Combine.WHOLE: "sum",
    Combine.MEAN: "avg",
    Combine.MAX: "max",
    Combine.MIN: "min",
}
_OVER_TIME = {Combine.MAX: "max_over_time", Combine.MIN: "min_over_time"}


def curve_query(question: CurveQuestion) -> str:
    """Return one query, whose parts are tagged with their quantities; empty if no dialect has them."""
    return _query(question, _Writing(question.series, question.range.step, question.window))


def each_query(question: CurveQuestion) -> str:
    """The same with a series of each engine or GPU; empty also for percentiles and ratios, which none has alone."""
    return _query(question, _Writing(question.series, question.range.step, question.window, each=True))


def instant(quantity: Quantity, series: Series, window: float, naming: Naming = UNKNOWN_NAMING, step: float = 0) -> str:
    """One expression without tags, whose value at a moment is the quantity then; empty where no dialect has it.

    With the naming of a store it says only what that store needs, and is about its part of the cluster alone.
    """
    with limited_to(Match(label, Op.EQUAL, value) for label, value in naming.within):
        return _Writing(series, step, window, naming=naming).part(quantity)


def _query(question: CurveQuestion, writing: _Writing) -> str:
    wanted = (question.quantity, *(question.band or ()))
    parts = ((quantity, writing.part(quantity)) for quantity in dict.fromkeys(wanted))
    return joined([tagged(quantity, text) for quantity, text in parts if text])


_LOOKS: Final = 5_000
"""Largest number of moments of a range searched for a peak."""


def has_peaks(question: CurveQuestion) -> bool:
    """True if the points of a curve are means and its peaks are wanted too."""
    return question.peaks and question.range.step > question.window


def peak_query(question: CurveQuestion) -> str:
    """Return one query for the highest value of the whole object within each step; empty if there is none.

    The maxima of the parts are not summed: the object never had that sum at one moment.
    """
    moments = question.range
    apart = math.ceil(max(question.window / 4, moments.seconds / _LOOKS, 1.0))
    text = _Writing(question.series, 0.0, question.window).part(question.quantity)
    return f"max_over_time(({text})[{span(moments.step)}:{apart}s])" if text else ""


POINTS: Final = "points"
"""The tag of how often engines were measured, and of the GPUs."""
GPU_POINTS: Final = "points of GPUs"


def hours_queries(series: Series, quantities: Iterable[Quantity], seconds: float) -> list[str]:
    """Return queries for each quantity over the ``seconds`` before a moment, and for its number of samples; as few as
    their length allows, and none for a quantity that no dialect has.
    """
    writing = _Writing(series, seconds, 0.0)
    parts, counted = [], {}
    for quantity in quantities:
        if text := writing.part(quantity):
            parts.append(tagged(quantity, text))
            counted[points_of(quantity)] = Quantity.GPU_UTIL if quantity in GPU_QUANTITIES else Quantity.RUNNING
    return queries([*parts, *(tagged(tag, writing.points(quantity)) for tag, quantity in counted.items())])


DOWN: Final = "down"
"""The tag of how many scraped targets did not answer."""


def worst_queries(series: Series, quantities: Iterable[Quantity], window: float) -> list[str]:
    """Return queries, as few as their length allows, whose values at a moment are those of the worst replica then, of
    ratios those of the whole object, and the number of its targets that did not answer; none if no dialect has one of
    these quantities.
    """
    one, whole = _Writing(series, 0.0, window, each=True), _Writing(series, 0.0, window)
    by_pod = listed((*NAMESPACE_LABELS, *POD_LABELS, "instance"))
    parts = []
    for quantity in quantities:
        if text := one.part(quantity):
            operator = _OPERATORS.get(MEANINGS[quantity].to_pod, "sum")
            parts.append(tagged(quantity, f"max ({operator} by ({by_pod}) ({text}))"))
        elif text := whole.part(quantity):
            parts.append(tagged(quantity, text))
    if not parts:
        return []
    targets = " or ".join(selector("up", matches) for matches in whose(series))
    return queries([*parts, tagged(DOWN, f"count (({targets}) == 0)")])


def points_of(quantity: Quantity) -> str:
    """Return the tag of a quantity's sample count: quantities of one scrape share it."""
    return GPU_POINTS if quantity in GPU_QUANTITIES else POINTS


class _Counted(NamedTuple):
    """The series of an object in a family of dialects."""

    dialects: DialectSet
    whose: tuple[tuple[Dialect, tuple[tuple[Match, ...], ...]], ...]
    """The dialects that apply, each with alternative label selectors."""


class _Writing:
    """Writes the parts of one query, whose points are ``step`` seconds apart and rates cover at least ``window``."""

    def __init__(
        self, series: Series, step: float, window: float, *, each: bool = False, naming: Naming = UNKNOWN_NAMING
    ) -> None:
        self._each = each
        self._naming = naming
        self._series = series
        self._long = step > window
        self._step = duration(step)
        self._span = duration(max(step, window))
        known = ENGINES.of_products(series.products) if series.products else ENGINES
        of_engines = tuple((member, tuple(whose(series, naming.engines))) for member in known)
        self._engines = _Counted(known, of_engines)
        self._gateways = _Counted(GATEWAYS, tuple(_gateways(series.gateways)))

    def part(self, quantity: Quantity) -> str:
        """The expression of a quantity; empty where no dialect has it."""
        if quantity in GPU_QUANTITIES:
            return self._gpus(quantity)
        if self._each and is_of_a_whole(quantity):
            return ""
        counted = self._gateways if quantity in GATEWAY_QUANTITIES else self._engines
        if quantity in QUANTILES:
            return self._quantile(quantity, counted)
        if quantity in RATIOS:
            top, bottom = (self._combined(one, counted, "sum") for one in RATIOS[quantity])
            # A fleet without a single error has no counter of errors.
            top = self._or_zero(RATIOS[quantity][0], counted, top) if top else ""
            return f"({top}) / ({bottom} > 0)" if top and bottom else ""
        if any(quantity in member.phases for member in counted.dialects):
            return self._mean(quantity)
        found = self._combined(quantity, counted, self._operator(quantity))
        return self._or_zero(quantity, counted, found) if found and counted is self._gateways else found

    def _or_zero(self, quantity: Quantity, counted: _Counted, found: str) -> str:
        """Return the query with 0 where the counter does not exist yet but its companion does."""
        rules = (member.rules.get(quantity) for member, _ in counted.whose)
        beside = {rule.zero_beside for rule in rules if rule is not None and rule.zero_beside is not None}
        zeros = (self._combined(one, counted, "sum") for one in beside)
        return " or ".join((found, *(f"0 * {zero}" for zero in zeros if zero)))

    def points(self, quantity: Quantity) -> str:
        """The expression of how often the best measured series of a gauge was measured within a step."""
        each = (
            f"count_over_time({selector(name, (*matches, *metric.where, *member.where))}{self._step})"
            for member in (GPUS if quantity in GPU_QUANTITIES else self._engines.dialects)
            if (rule := member.rules.get(quantity)) is not None
            for metric in _plain(rule)
            for name in member.spellings(metric.name)
            for matches in whose(self._series)
        )
        return f"max ({' or '.join(each)})"

    def _operator(self, quantity: Quantity) -> str:
        return _OPERATORS.get(combined(quantity, self._series), "sum")

    def _combined(self, quantity: Quantity, counted: _Counted, operator: str) -> str:
        """Return a quantity of all the engines or gateways, each counted once, however many scrapers see it."""
        dialects = counted.dialects
        having = self._having(quantity, (member for member, _ in counted.whose))
        each = " or ".join(
            part
            for member, matches in counted.whose
            if member in having
            for part in self._expressions(member, quantity, matches)
        )
        if not each:
            return ""
        known = self._naming.engines if counted is self._engines else SeriesNaming()
        told_by = (*dialects.model_labels, *dialects.rank_labels, *dialects.backend_labels)
        kept = known.key or (*NAMESPACE_LABELS, *POD_LABELS, "instance", *told_by)
        scrapers = () if known.is_scraped_once else _SCRAPERS
        replicas = self._naming.replicas if known.key else REPLICA_LABELS
        repeated = {label: None for member in having for label in member.repeated_by}
        twice = (*scrapers, *replicas, *repeated)
        once = f"max without ({listed(twice)}) ({each})" if twice else each
        if operator == "sum" and not self._each:
            return f"sum ({once})"
        return self._folded(operator, f"sum by ({listed(kept)}) ({once})")

    def _having(self, quantity: Quantity, members: Iterable[Dialect]) -> list[Dialect]:
        """Return the dialects by whose names the store has a quantity; all of them where it is seen under none."""
        every, seen = list(members), self._metrics(quantity)
        found = [
            member
            for member in every
            if (rule := member.rules.get(quantity)) is not None
            and any(name in seen for metric in _plain(rule) for name in member.spellings(metric.name))
        ]
        return found or every

    def _metrics(self, quantity: Quantity) -> frozenset[str]:
        """The names that were looked for in the store; of gateways not all were."""
        return frozenset() if quantity in GATEWAY_QUANTITIES else self._naming.metrics

    def _seen(self, quantity: Quantity, names: Iterable[str]) -> list[str]:
        """Return those of these names that the store was seen to have; all of them where it was with none."""
        known, every = self._metrics(quantity), list(names)
        return [name for name in every if _shown_by(name) in known or name in known] or every

    def _expressions(self, member: Dialect, quantity: Quantity, whose: Iterable[Sequence[Match]]) -> Iterator[str]:
        rule = member.rules.get(quantity)
        if rule is None:
            return
        metrics = _plain(rule)
        spelt = [(i, metric, name) for i, metric in enumerate(metrics) for name in member.spellings(metric.name)]
        seen = set(self._seen(quantity, (name for _, _, name in spelt)))
        for i, metric, name in spelt:
            for matches in whose if name in seen else ():
                selected = (*matches, *metric.where, *member.where)
                number = self._metric(quantity, metric, name, selected, latest=rule.latest)
                yield _summand(number, i) if rule.pick is Pick.SUM and len(metrics) > 1 else number

    def _metric(self, quantity: Quantity, metric: Metric, name: str, matches: Sequence[Match], *, latest: bool) -> str:
        selected = selector(name, matches)
        if metric.kind is MetricType.COUNTER:
            return scaled(f"{rate_function(latest=latest)}({selected}{self._span})", metric.scale)
        if self._long:
            over = _OVER_TIME.get(MEANINGS[quantity].to_group, "avg_over_time")
            selected = f"{over}({selected}{self._step})"
        less = f" - {metric.less:g}" if metric.less else ""
        return f"({scaled(selected, metric.scale)}{less})" if less else scaled(selected, metric.scale)

    def _quantile(self, quantity: Quantity, counted: _Counted) -> str:
        family, q = QUANTILES[quantity]
        found: dict[float, list[str]] = defaultdict(list)
        for member, matches in counted.whose:
            bases = member.families.get(family, ())
            named = {name: base for base in bases for name in member.spellings(f"{base}_bucket")}
            for name in self._seen(quantity, named):
                found[member.per_second.get(named[name], 1.0)] += self._rates(name, member.where, matches)
        # Buckets that two scrapers saw count twice in every one of them, which leaves the percentile as it is.
        return " or ".join(
            scaled(f"histogram_quantile({q:g}, sum by (le) ({' or '.join(rates)}))", 1 / per_second)
            for per_second, rates in found.items()
        )

    def _mean(self, quantity: Quantity) -> str:
        parts: dict[str, list[str]] = {"sum": [], "count": []}
        for member, matches in self._engines.whose:
            for base in member.phases.get(quantity, ()):
                for part, rates in parts.items():
                    for name in self._seen(quantity, member.spellings(f"{base}_{part}")):
                        scale = 1 / member.per_second.get(base, 1.0) if part == "sum" else 1.0
                        rates += [scaled(rate, scale) for rate in self._rates(name, member.where, matches)]
        return f"sum ({' or '.join(parts['sum'])}) / (sum ({' or '.join(parts['count'])}) > 0)"

    def _rates(self, name: str, where: Sequence[Match], whose: Iterable[Sequence[Match]]) -> Iterator[str]:
        return (f"rate({selector(name, (*matches, *where))}{self._span})" for matches in whose)

    def _gpus(self, quantity: Quantity) -> str:
        """Return a quantity of all the GPUs, each counted once; series that are no GPU number are left out."""
        pick, parts = Pick.FIRST, []
        known = self._naming.gpus
        for member in self._having(quantity, GPUS):
            rule = member.rules.get(quantity)
            if rule is not None:
                pick = rule.pick if rule.pick in (Pick.MAX, Pick.SUM) else pick
                parts += list(self._expressions(member, quantity, whose(self._series, known)))
        if not parts:
            return ""
        if pick is not Pick.FIRST:
            parts = [_summand(part, i) for i, part in enumerate(parts)]
        each = "sum" if pick is Pick.SUM else "max"
        labels = known.key or gpu_key_labels(GPUS)
        labels = labels if self._each else counted_by(labels, GPUS, quantity)
        once = f"{each} by ({listed(labels)}) ({' or '.join(parts)})"
        return self._folded(self._operator(quantity), f"{once} < {IMPLAUSIBLE:g}")

    def _folded(self, operator: str, each: str) -> str:
        return each if self._each else f"{operator} ({each})"


def _shown_by(name: str) -> str:
    """The name that shows that a histogram is there: its count."""
    stem, _, part = name.rpartition("_")
    return f"{stem}_count" if part in ("bucket", "sum") else name


def _summand(expression: str, number: int) -> str:
    return f'label_replace({expression}, "{PART}", "{number}", "", "")'


def combined(quantity: Quantity, series: Series) -> Combine:
    """Return how the values of several engines or GPUs of an object are combined."""
    meaning = MEANINGS[quantity]
    return meaning.to_pod if series.is_one else meaning.to_group


def is_of_a_whole(quantity: Quantity) -> bool:
    """True if a quantity of several engines is not a sum, mean or extreme of theirs."""
    return quantity in QUANTILES or quantity in RATIOS or any(quantity in member.phases for member in ENGINES)


def _plain(rule: Rule) -> tuple[Metric, ...]:
    """Return the spellings of a quantity that are plain numbers; of a whole and its parts, the whole alone."""
    metrics = rule.metrics[:1] if rule.pick is Pick.WHOLE else rule.metrics
    return tuple(m for m in metrics if m.weights is None and not m.products and m.state is None)


def whose(series: Series, naming: SeriesNaming = UNKNOWN_NAMING.engines) -> list[tuple[Match, ...]]:
    """Return the label selectors of an object's series: alternatives, of which no series matches two.

    With a naming only those by the labels that a store has.
    """
    uuids = [label for label in GPUS.gpu.uuid if not naming.key or label in naming.key]
    if series.cards:
        return [(Match(label, Op.MATCHES, pattern(series.cards)),) for label in uuids]
    uuid, instance = series.gpu
    if uuid:
        return [(Match(label, Op.EQUAL, uuid), *_part(instance, naming)) for label in uuids]
    found: list[tuple[Match, ...]] = []
    if series.pods:
        for i in (i for i in range(_SPELLINGS) if not naming.pods or POD_LABELS[i] in naming.pods):
            others = (Match(label, Op.EQUAL, "") for label in POD_LABELS[:i] if not naming.pods or label in naming.pods)
            # Where the exporter's own pod is named too, the first of the labels is the workload's.
            named = Match(POD_LABELS[i], Op.MATCHES, series.pods)
            found.append((*others, named, Match(NAMESPACE_LABELS[i], Op.EQUAL, series.namespace)))
    if series.instances:
        unnamed = (Match(label, Op.EQUAL, "") for label in POD_LABELS[:_SPELLINGS])
        found.append((*unnamed, Match("instance", Op.MATCHES, pattern(series.instances))))
    return found


def _gateways(parts: Iterable[GatewaySeries]) -> Iterator[tuple[Dialect, tuple[tuple[Match, ...], ...]]]:
    for part in parts:
        dialect = GATEWAYS.by_name(part.dialect)
        if dialect is not None:
            matches = tuple(_distinguishing(dialect, part))
            processes = whose(Series(part.namespace, part.pods, part.instances))
            yield dialect, tuple((*process, *matches) for process in processes)


def _distinguishing(dialect: Dialect, part: GatewaySeries) -> Iterator[Match]:
    """Yield the matches for the series of a gateway's models or servers; none if neither is named."""
    behind = f"([a-z]+://)?({pattern(part.backends)})(/.*)?"
    for labels, named, values in (
        (dialect.model_labels, part.models, pattern(part.models)),
        (dialect.backend_labels, part.backends, behind),
    ):
        if named:
            yield Match(labels[0], Op.MATCHES, values)
        elif not part.models:
            yield from (Match(label, Op.EQUAL, "") for label in labels)


def _part(instance: str, naming: SeriesNaming) -> tuple[Match, ...]:
    """A part of a GPU, or (empty) the whole of one that is not split."""
    own = GPUS.gpu
    labels = [label for label in own.instance if not naming.key or label in naming.key]
    if instance:
        return tuple(Match(label, Op.MATCHES, f"|{pattern([instance])}") for label in labels)
    wholes = {label: [value for name, value in own.whole if name == label] for label in labels}
    return tuple(Match(label, Op.MATCHES, pattern(["", *values])) for label, values in wholes.items())
