"""Dialects as data: how the metric names of an engine, gateway or exporter map to the canonical quantities.

A dialect lists, per quantity, its names across versions, newest first. Per row the first name present wins; names are
never summed, because releases that rename a metric expose both for a while.

How to add one:

1. A module in ``engines/``, ``gpus/`` or ``gateways/`` with one ``Dialect``. ``product`` is its name and how
   its pods are recognised (``fleet.metrics.product``); ``rules``, ``families`` and ``phases`` which metric is which
   quantity; ``present`` the quantities by which a process is noticed and dated.
2. Its labels, where they are not the default ones: ``model_labels`` (empty: no series names a model, which is then what
   the pod's template serves), ``rank_labels`` for the engines of one process, ``backend_labels`` for the servers behind
   a gateway, ``gpu`` for an exporter's. ``where`` tells its series from those of others that use the same names,
   ``per_second`` which of its histograms are not in seconds.
3. ``proof``: what its names were checked against.
4. One line in ``fleet.metrics.registry``, in place of its row in ``fleet.metrics.products`` if it had one.

Nothing else changes. A quantity without a rule is one that the product does not expose: screens say so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import Enum
from functools import lru_cache

from fleet.dataclass import dataclass
from fleet.metrics.product import Product
from fleet.model.log_wording import LogWording
from fleet.model.quantity import QUANTILES, RATIOS, Family, Quantity

IMPLAUSIBLE = 9e18
"""Bound from which a number is a blank or garbage: DCGM's blanks ("not supported") are slightly below 2**63."""


def plausible(value: float) -> bool:
    """True if an engine or a GPU can report this value: none of their numbers is negative, NaN or infinite."""
    return 0.0 <= value < IMPLAUSIBLE


Bits = tuple[tuple[int, str], ...]
"""The meaningful bits of a mask, each with its words."""


@lru_cache(maxsize=256)
def bit_words(mask: float, bits: Bits) -> tuple[str, ...]:
    """Return the words of a mask's bits; none for a blank."""
    return tuple(text for bit, text in bits if int(mask) & bit) if plausible(mask) else ()


class MetricType(Enum):
    GAUGE = "gauge"
    COUNTER = "counter"
    """Only its rate over the window means anything."""


class Op(Enum):
    """PromQL's label matchers; both regular expressions are anchored at both ends."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"
    NOT_MATCHES = "!~"


@dataclass(frozen=True, slots=True)
class Match:
    """A label selector. An absent label is the empty string, as in PromQL."""

    label: str
    op: Op
    value: str

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """True if a series with these labels is selected."""
        actual = labels.get(self.label, "")
        if self.op in (Op.EQUAL, Op.NOT_EQUAL):
            return (actual == self.value) is (self.op is Op.EQUAL)
        return (_anchored(self.value).fullmatch(actual) is not None) is (self.op is Op.MATCHES)


@lru_cache(maxsize=256)
def _anchored(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@dataclass(frozen=True, slots=True)
class LabelProduct:
    """A number that labels spell: the product of these, where all are numbers and the series is one of ``where``."""

    labels: tuple[str, ...]
    where: tuple[Match, ...] = ()

    def value(self, labels: Mapping[str, str]) -> float:
        """The number, NaN for none."""
        if not all(match.accepts(labels) for match in self.where):
            return math.nan
        return math.prod(_number(labels.get(label, "")) for label in self.labels)


@dataclass(frozen=True, slots=True)
class Metric:
    """One spelling of a quantity.

    ``scale`` turns its unit into the canonical one. ``weights`` (label, value → weight) makes a number of a set of 0/1
    series: the sum of weight x value. ``products`` reads the number from labels (for ``*_info`` metrics): the first one
    there is. Values outside ``valid`` are blanks and dropped. ``optional`` matters to ``Pick.WHOLE`` alone: a total
    can do without this part.
    """

    name: str
    kind: MetricType = MetricType.GAUGE
    where: tuple[Match, ...] = ()
    scale: float = 1.0
    weights: tuple[str, tuple[tuple[str, float], ...]] | None = None
    products: tuple[LabelProduct, ...] = ()
    valid: tuple[float, float] = (0.0, IMPLAUSIBLE)
    optional: bool = False
    less: float = 0.0
    """Share of a gauge that the request for the metrics itself adds to it."""
    state: float | None = None
    """Code of the state that a gauge counts as 1, any other as 0."""
    once: bool = False
    """True if any valid value counts as 1: what matters is in the labels."""

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """True if a series of this name with these labels belongs to the quantity."""
        if not all(match.accepts(labels) for match in self.where):
            return False
        return self.weights is None or any(labels.get(self.weights[0]) == value for value, _ in self.weights[1])

    def factor(self, labels: Mapping[str, str]) -> float:
        """Return the factor of a sample's value; NaN where ``products`` finds no number."""
        if self.weights is not None:
            return dict(self.weights[1])[labels[self.weights[0]]] * self.scale
        if not self.products:
            return self.scale
        for product in self.products:
            value = product.value(labels)
            if plausible(value):
                return value * self.scale
        return math.nan

    def read(self, value: float, labels: Mapping[str, str]) -> float:
        """The canonical value of a sample; NaN for a blank."""
        low, high = self.valid
        counted = value if self.state is None else float(value == self.state)
        counted = 1.0 if self.once else counted
        return counted * self.factor(labels) if low <= value < high else math.nan


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


class Pick(Enum):
    """The choice among the spellings of one quantity in one row."""

    FIRST = "first"
    MAX = "max"
    """The largest of those present."""
    SUM = "sum"
    """The sum of those present: they count different things, and a release without one does not report it."""
    WHOLE = "whole"
    """The first; if it is absent, the sum of the others, which are its parts, but only if all are present."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The reading of one quantity."""

    metrics: tuple[Metric, ...]
    pick: Pick = Pick.FIRST
    per_process: bool = False
    """True if the series name neither model nor engine: the number goes into the row of the process' first engine."""
    zero_beside: Quantity | None = None
    """A quantity whose presence makes absence of this one mean 0: labelled counters do not exist before the first
    increment.
    """
    latest: bool = False
    """True if counters are compared between the last two samples, not over the window: 0 as soon as they stand still.
    Only for counters that move with every step of the engine, not at the end of a request.
    """


class Proof(Enum):
    """Evidence for the names of a dialect, the strongest first."""

    PROGRAM = "real program"
    """The tests run it."""
    RECORDING = "recording"
    """A real one's answer is replayed."""
    DOCUMENTATION = "documentation"
    """Documentation or source only: never seen running."""

    @property
    def supported(self) -> bool:
        """True if the dialect may be called supported."""
        return self is not Proof.DOCUMENTATION


@dataclass(frozen=True, slots=True)
class GpuLabels:
    """The labels of a GPU exporter, each with its spellings, newest first. Pod labels are the same for all
    exporters.
    """

    uuid: tuple[str, ...] = ("UUID", "uuid", "gpu_uuid")
    node: tuple[str, ...] = ("Hostname", "hostname", "node", "kubernetes_node", "k8s_node_name")
    ordinal: tuple[str, ...] = ("gpu",)
    """Labels of its number on its node."""
    instance: tuple[str, ...] = ("GPU_I_ID",)
    """Labels of the part of a GPU that is split."""
    profile: tuple[str, ...] = ("GPU_I_PROFILE",)
    """The size of that part."""
    model: tuple[str, ...] = ("modelName",)
    """Labels of the driver's name for the card."""
    whole: tuple[tuple[str, str], ...] = ()
    """(label, value) of ``instance`` for an unpartitioned card, and for the partition that reports for the whole
    card.
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dialect:
    """One kind of engine, gateway or exporter.

    ``prefixes``: the spellings of the names' prefix (first: the default). ``where`` selects its own series among those
    of other products with the same names. ``present`` lists the quantities whose series show that it exists and how old
    a row is; every process has the first, the others serve where that is dropped when scraping.
    """

    product: Product
    proof: Proof
    versions: str = ""
    """The releases that use these names, in words."""
    prefixes: tuple[str, ...] = ("",)
    present: tuple[Quantity, ...]
    rules: Mapping[Quantity, Rule]
    families: Mapping[Family, tuple[str, ...]] = field(default_factory=dict)
    """Histogram → base names, newest first."""
    phases: Mapping[Quantity, tuple[str, ...]] = field(default_factory=dict)
    """Mean → base names of the histogram whose ``_sum`` and ``_count`` give it."""
    per_second: Mapping[str, float] = field(default_factory=dict)
    """Base name of a histogram that is not in seconds → how many of the units of its ``le`` and ``_sum`` make one."""
    where: tuple[Match, ...] = ()
    model_labels: tuple[str, ...] = ("model_name", "model")
    """Labels of an engine or a gateway that name the served model. Empty: none does."""
    rank_labels: tuple[str, ...] = ("engine",)
    """Labels of an engine that distinguish the ranks of one process."""
    repeated_by: tuple[str, ...] = ()
    """Labels of series that each repeat the same number: it counts once."""
    backend_labels: tuple[str, ...] = ()
    """Labels of a gateway that name the server behind it, by its address or URL."""
    gpu: GpuLabels = field(default_factory=GpuLabels)
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Metric whose labels show how an engine was started → those labels that are arguments, not measurements."""
    masks: Mapping[str, Bits] = field(default_factory=dict)
    """Bit masks of why a GPU's clocks are lowered now, newest name first, and the meaning of their bits."""
    opt_in: Mapping[str, str] = field(default_factory=dict)
    """Prefix of metrics that only exist if a feature is switched on → the feature, in words."""
    log: LogWording = field(default_factory=LogWording)
    """The words of its servers' logs that reveal why one died."""

    @property
    def name(self) -> str:
        """The product's."""
        return self.product.name

    def spellings(self, name: str) -> tuple[str, ...]:
        """Return the name as written here and with the other prefixes."""
        own = self.prefixes[0]
        if not own or not name.startswith(own):
            return (name,)
        return tuple(prefix + name.removeprefix(own) for prefix in self.prefixes)

    def canonical(self, name: str) -> str:
        """The name under the dialect's own prefix."""
        for prefix in self.prefixes[1:]:
            if name.startswith(prefix):
                return self.prefixes[0] + name.removeprefix(prefix)
        return name

    def seen_by(self) -> tuple[str, ...]:
        """Return the metrics that show its presence, in every spelling; every process has the first ones."""
        metrics = (metric for quantity in self.present for metric in self.rules[quantity].metrics)
        return tuple(spelt for metric in metrics for spelt in self.spellings(metric.name))

    def exposes(self, quantity: Quantity) -> bool:
        """True if the product has a metric of a quantity, in any release."""
        if quantity in QUANTILES:
            return QUANTILES[quantity][0] in self.families
        if quantity in RATIOS and all(part in self.rules for part in RATIOS[quantity]):
            return True
        return quantity in self.rules or quantity in self.phases

    def names(self) -> frozenset[str]:
        """Every sample name, in every spelling, that the dialect reads."""
        plain = {metric.name for rule in self.rules.values() for metric in rule.metrics}
        buckets = {f"{base}_bucket" for bases in self.families.values() for base in bases}
        phases = {f"{base}_{part}" for bases in self.phases.values() for base in bases for part in ("sum", "count")}
        read = plain | buckets | phases
        return frozenset(spelt for name in read for spelt in self.spellings(name)).union(self.masks)

    def gauges(self) -> Iterable[tuple[Quantity, Metric]]:
        """Every gauge that the dialect reads, newest spelling first."""
        for quantity, rule in self.rules.items():
            yield from ((quantity, metric) for metric in rule.metrics if metric.kind is MetricType.GAUGE)

    def value_labels(self) -> tuple[str, ...]:
        """Return the labels of gauges that carry values or meaning, not identity."""
        found: dict[str, None] = {}
        for _, metric in self.gauges():
            found |= dict.fromkeys(match.label for match in metric.where)
            if metric.weights is not None:
                found[metric.weights[0]] = None
            for product in metric.products:
                found |= dict.fromkeys((*product.labels, *(match.label for match in product.where)))
        return tuple(found)

    def counters(self) -> Iterable[tuple[Quantity, Metric]]:
        """Every counter that the dialect reads, newest spelling first."""
        for quantity, rule in self.rules.items():
            yield from ((quantity, metric) for metric in rule.metrics if metric.kind is MetricType.COUNTER)


def pick(rule: Rule, values: Iterable[float]) -> float:
    """Return the value of a quantity from those of its spellings, in order; NaN is absent."""
    found = tuple(values)
    present = [value for value in found if not math.isnan(value)]
    if not present:
        return math.nan
    if rule.pick is Pick.MAX:
        return max(present)
    if rule.pick is Pick.SUM:
        return math.fsum(present)
    if rule.pick is Pick.FIRST or not math.isnan(found[0]):
        return present[0]
    parts = zip(rule.metrics[1:], found[1:], strict=True)
    whole = all(metric.optional or not math.isnan(value) for metric, value in parts)
    return math.fsum(present) if whole else math.nan
