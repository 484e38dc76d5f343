"""One metric that is read for the past, as data: the meaning of a change of its value, or of the end of its series.

Labels are those of kube-state-metrics; a scraper that keeps its own labels renames them to ``exported_…``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from fleet.dataclass import dataclass
from fleet.metrics.dialect import Match
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import EntryKind, Weight

Labels: TypeAlias = Mapping[str, str]


def label(labels: Labels, name: str) -> str:
    """A label of the object, whether or not the scraper has one of the same name."""
    return labels.get(f"exported_{name}") or labels.get(name, "")


@dataclass(frozen=True, slots=True)
class ChangeMessage:
    """The message of a change."""

    what: str
    kind: EntryKind = EntryKind.CHANGE
    weight: Weight = Weight.PLAIN
    topic: str = ""
    """Topic, equal in another source, whatever its words."""


@dataclass(frozen=True, slots=True)
class ChangingMetric:
    """A metric whose value changes when something happens."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    says: Callable[[float, float, Labels], ChangeMessage | None]
    """Message for the value before and the value after; None for none."""
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class PresenceMetric:
    """A metric whose series exist as long as an object does."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    gone: str
    """Message when it has ended."""
    above: Callable[[Labels], tuple[ObjectRef, ...]] = lambda _: ()
    """Owners of the object."""
    maker: Callable[[Labels], ObjectRef | None] = lambda _: None
    """The creator of the object; None if unknown."""
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class StateMetric:
    """A metric that exists while something holds: it shows when that begins and ends."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    begins: Callable[[Labels], ChangeMessage]
    ends: Callable[[Labels], ChangeMessage]
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class CreationMetric:
    """A metric whose value is the Unix time at which an object was created, also of one that is gone."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    says: Callable[[ObjectRef], ChangeMessage]
    of_workload: bool = False
    """True if the entry is about the workload that the object was created for."""


TimelineMetric: TypeAlias = ChangingMetric | PresenceMetric | StateMetric
