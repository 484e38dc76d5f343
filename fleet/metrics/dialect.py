"""How an engine's or exporter's metric names map to the canonical quantities: the words in which dialects are data.

A dialect (a module in engines/ or gpus/) lists, per quantity, the names it has had across versions, newest first.
Per row the first one that is present wins; names are never summed, because releases that rename a metric expose both
for a while.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import TypeVar

from fleet.model.quantity import Family, Quantity

IMPLAUSIBLE = 9e18
"""From here on a number is a blank or garbage: DCGM's blanks ("not supported") are 2**63 less a little."""


def plausible(value: float) -> bool:
    """Whether an engine or a GPU can mean it: nothing that they count or measure is negative, NaN or boundless."""
    return 0.0 <= value < IMPLAUSIBLE


class Kind(Enum):
    GAUGE = "gauge"
    COUNTER = "counter"
    """Only its rate over the window means anything."""


class Op(Enum):
    """PromQL's label matchers; both regular expressions are anchored at both ends."""

    EQUAL = "="
    MATCHES = "=~"


@dataclass(frozen=True, slots=True)
class Match:
    """A label selector. An absent label is the empty string, as in PromQL."""

    label: str
    op: Op
    value: str

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels is selected."""
        actual = labels.get(self.label, "")
        if self.op is Op.EQUAL:
            return actual == self.value
        return _anchored(self.value).fullmatch(actual) is not None


@lru_cache(maxsize=64)
def _anchored(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@dataclass(frozen=True, slots=True)
class Product:
    """A number that labels spell: the product of these, where all are numbers and the series is one of ``where``."""

    labels: tuple[str, ...]
    where: tuple[Match, ...] = ()

    def of(self, labels: Mapping[str, str]) -> float:
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
    kind: Kind = Kind.GAUGE
    where: tuple[Match, ...] = ()
    scale: float = 1.0
    weights: tuple[str, tuple[tuple[str, float], ...]] | None = None
    products: tuple[Product, ...] = ()
    valid: tuple[float, float] = (0.0, IMPLAUSIBLE)
    optional: bool = False

    def accepts(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of this name with these labels belongs to the quantity."""
        if not all(match.accepts(labels) for match in self.where):
            return False
        return self.weights is None or any(labels.get(self.weights[0]) == value for value, _ in self.weights[1])

    def factor(self, labels: Mapping[str, str]) -> float:
        """What a sample's value is multiplied with; NaN where ``products`` finds no number."""
        if self.weights is not None:
            return dict(self.weights[1])[labels[self.weights[0]]] * self.scale
        if not self.products:
            return self.scale
        for product in self.products:
            value = product.of(labels)
            if plausible(value):
                return value * self.scale
        return math.nan

    def read(self, value: float, labels: Mapping[str, str]) -> float:
        """The canonical value of a sample; NaN for a blank."""
        low, high = self.valid
        return value * self.factor(labels) if low <= value < high else math.nan


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


class Pick(Enum):
    """What becomes of the spellings of one quantity in one row."""

    FIRST = "first"
    MAX = "max"
    """The largest of those present."""
    WHOLE = "whole"
    """The first; where it is absent the sum of the others, its parts: never the sum of some of them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one quantity is read."""

    metrics: tuple[Metric, ...]
    pick: Pick = Pick.FIRST
    per_process: bool = False
    """The series name neither model nor engine: the number stands in the row of the process' first engine."""
    zero_beside: Quantity | None = None
    """Labelled counters that nothing has incremented do not exist; where this other quantity does, absence means 0."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of exporter.

    ``prefixes``: how the names' own prefix (the first one) may be written in the field. ``exclude`` selects series of
    other products that reuse the names. ``present`` are quantities whose series tell how old a row is.
    """

    rules: Mapping[Quantity, Rule]
    prefixes: tuple[str, ...]
    present: tuple[Quantity, ...]
    families: Mapping[Family, tuple[str, ...]]
    """Histogram → base names, newest first; all in seconds."""
    phases: Mapping[Quantity, tuple[str, ...]]
    """Mean → base names of the histogram whose ``_sum`` and ``_count`` give it."""
    exclude: tuple[Match, ...] = ()
    masks: tuple[str, ...] = ()
    """Bit masks of why a GPU's clocks are lowered now (NVML's), newest name first."""

    def spellings(self, name: str) -> tuple[str, ...]:
        """The name as it stands here and under the other prefixes."""
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

    def names(self) -> frozenset[str]:
        """Every sample name, in every spelling, that the dialect reads."""
        plain = {metric.name for rule in self.rules.values() for metric in rule.metrics}
        buckets = {f"{base}_bucket" for bases in self.families.values() for base in bases}
        phases = {f"{base}_{part}" for bases in self.phases.values() for base in bases for part in ("sum", "count")}
        return frozenset(spelt for name in plain | buckets | phases for spelt in self.spellings(name))

    def gauges(self) -> Iterable[tuple[Quantity, Metric]]:
        """Every gauge that the dialect reads, newest spelling first."""
        for quantity, rule in self.rules.items():
            yield from ((quantity, metric) for metric in rule.metrics if metric.kind is Kind.GAUGE)

    def value_labels(self) -> tuple[str, ...]:
        """The labels of the gauges that carry numbers or tell what a number means, and no identity."""
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
            yield from ((quantity, metric) for metric in rule.metrics if metric.kind is Kind.COUNTER)


class Dialects:
    """Several dialects read as one: whose a series is, its name tells.

    The spellings of a quantity are those of all of them, and a process speaks one: so the first that is there is its.
    """

    def __init__(self, members: tuple[Dialect, ...]) -> None:
        self.members = members
        self.exclude = tuple(dict.fromkeys(match for member in members for match in member.exclude))
        self.masks = tuple(name for member in members for name in member.masks)
        self.present = tuple(dict.fromkeys(quantity for member in members for quantity in member.present))
        self.rules = _joined_rules(members)
        self.families: Mapping[Family, tuple[str, ...]] = _joined(member.families for member in members)
        self.phases: Mapping[Quantity, tuple[str, ...]] = _joined(member.phases for member in members)
        self._of_name = {name: member for member in members for name in member.names()}

    def names(self) -> frozenset[str]:
        """Every sample name, in every spelling, that one of them reads."""
        return frozenset(self._of_name) | frozenset(self.masks)

    def spellings(self, name: str) -> tuple[str, ...]:
        """The name as it stands in its dialect and under that one's other prefixes."""
        member = self.owner(name)
        return member.spellings(name) if member is not None else (name,)

    def owner(self, name: str) -> Dialect | None:
        """The dialect that a sample's name is of; that of a histogram's count is its buckets'."""
        return self._of_name.get(name) or self._of_name.get(f"{name.removesuffix('_count')}_bucket")

    def canonical(self, name: str) -> str:
        """The name under its dialect's own prefix."""
        member = self._of_name.get(name)
        return member.canonical(name) if member is not None else name

    def gauges(self) -> Iterator[tuple[Quantity, Metric]]:
        """Every gauge that they read."""
        for member in self.members:
            yield from member.gauges()

    def counters(self) -> Iterator[tuple[Quantity, Metric]]:
        """Every counter that they read."""
        for member in self.members:
            yield from member.counters()

    def value_labels(self) -> tuple[str, ...]:
        """The labels of their gauges that carry numbers and no identity."""
        return tuple(dict.fromkeys(label for member in self.members for label in member.value_labels()))

    def names_of(self, quantity: Quantity, kind: Kind) -> tuple[str, ...]:
        """Every spelling of every metric that gives a quantity in this way."""
        rule = self.rules.get(quantity)
        metrics = (metric for metric in rule.metrics if metric.kind is kind) if rule is not None else ()
        return tuple(spelt for metric in metrics for spelt in self.spellings(metric.name))


Key = TypeVar("Key")


def _joined(parts: Iterable[Mapping[Key, tuple[str, ...]]]) -> dict[Key, tuple[str, ...]]:
    found: dict[Key, tuple[str, ...]] = {}
    for part in parts:
        for key, names in part.items():
            found[key] = (*found.get(key, ()), *names)
    return found


def _joined_rules(members: Iterable[Dialect]) -> dict[Quantity, Rule]:
    """One rule per quantity. Raises ValueError where two dialects read one in ways that cannot stand side by side."""
    found: dict[Quantity, Rule] = {}
    for member in members:
        for quantity, rule in member.rules.items():
            other = found.get(quantity)
            if other is None:
                found[quantity] = rule
            elif replace(other, metrics=()) != replace(rule, metrics=()) or rule.pick is Pick.WHOLE:
                raise ValueError(f"{quantity} is read in two ways that cannot be joined")
            else:
                found[quantity] = replace(rule, metrics=(*other.metrics, *rule.metrics))
    return found


def pick(rule: Rule, values: Iterable[float]) -> float:
    """The value of a quantity from those of its spellings, in their order; NaN stands for an absent one."""
    found = tuple(values)
    present = [value for value in found if not math.isnan(value)]
    if not present:
        return math.nan
    if rule.pick is Pick.MAX:
        return max(present)
    if rule.pick is Pick.FIRST or not math.isnan(found[0]):
        return present[0]
    parts = zip(rule.metrics[1:], found[1:], strict=True)
    whole = all(metric.optional or not math.isnan(value) for metric, value in parts)
    return math.fsum(present) if whole else math.nan
