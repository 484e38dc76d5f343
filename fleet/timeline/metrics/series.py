"""One metric that is asked about the past, as data: what a change of its value says, or the end of its series.

Labels are those that kube-state-metrics writes; a scraper that keeps its own labels moves them to ``exported_…``.
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
    """Topic, the same in another source, whatever its words."""


@dataclass(frozen=True, slots=True)
class Changing:
    """A metric whose value changes when something happens."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    says: Callable[[float, float, Labels], ChangeMessage | None]
    """Message for the value before and the value after; None for none."""
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class PresenceMetric:
    """A metric whose series are there as long as an object is."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    gone: str
    """Message when it has ended."""
    above: Callable[[Labels], tuple[ObjectRef, ...]] = lambda _: ()
    """Owners of the object."""
    maker: Callable[[Labels], ObjectRef | None] = lambda _: None
    """Maker of the object; None where nothing says."""
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Appearing:
    """A metric that is there as long as something holds: it says when that begins and when it ends."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    begins: Callable[[Labels], ChangeMessage]
    ends: Callable[[Labels], ChangeMessage]
    matches: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Created:
    """A metric whose value is the Unix time at which an object was made, also of one that is gone."""

    metric: str
    about: Callable[[Labels], ObjectRef]
    says: Callable[[ObjectRef], ChangeMessage]
    of_workload: bool = False
    """True where it is told of the workload that the object was made for."""


Asked: TypeAlias = Changing | PresenceMetric | Appearing
