"""An event of the past: when, how precisely that is known, what, by whom, to what, and the evidence."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from fleet.dataclass import dataclass
from fleet.kinds.replicaset import REPLICA_SET
from fleet.model.objects import ObjectRef

WHOLE_SECONDS: Final = 1.0
"""Accuracy of a time of the Kubernetes API in seconds: whole seconds, rounded down."""


class EntryKind(StrEnum):
    """The kind of an entry, by which the timeline is filtered."""

    CHANGE = "change"
    """A change of the desired state: a template, a replica count, a bound, a release."""
    START = "start"
    """A pod or a node began, or became of use."""
    END = "end"
    """A container, a pod or a node ended, or is of no use any more."""
    CONDITION = "condition"
    """A controller reports that something holds, or no longer does."""
    EVENT = "event"
    """Reported by a component of the cluster, in its own words."""


class Weight(StrEnum):
    """Importance to a reader who starts at the top."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"


CORDONED: Final = "cordoned: accepts no new pods"
UNCORDONED: Final = "uncordoned: accepts pods again"
ASKED: Final = "asked to stop"
"""Words of a pod that was deleted and has not ended yet; its topic, too."""
GONE: Final = "gone"
"""Topic of the end of an object, no matter which source saw it last."""
TEMPLATE: Final = "template"
"""Topic of a changed template, from sources that do not know the object made for it."""


def rollout_topic(made: ObjectRef) -> str:
    """Return the topic of a rollout, from the object created for its template: the same in every source."""
    return f"rollout={made.kind}/{made.name}" if made.kind == REPLICA_SET.kind else TEMPLATE


def pause_topic(*, paused: bool) -> str:
    """The topic of a pause of KEDA, or of its end."""
    return f"paused={paused}"


def end_topic(container: str) -> str:
    """Return the topic of a container's end: the same in its status and in counters."""
    return f"ended={container}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence that it happened. Without any there is no entry."""

    where: str
    """The object or series, and the field of it: ``ReplicaSet prod/chat-5b6d metadata.creationTimestamp``."""
    value: str
    """The value there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    at: float
    """Earliest Unix time; it happened no later than ``at + within``. For repeated events, the first time."""
    within: float
    """Seconds."""
    kind: EntryKind
    what: str
    """Event in one line. Text of others is in it: it may hold anything."""
    about: ObjectRef
    """The object that it happened to."""
    evidence: tuple[Evidence, ...]
    who: str = ""
    """The user, tool or controller known to have done it; empty if unknown."""
    weight: Weight = Weight.PLAIN
    changes: tuple[str, ...] = ()
    """Differences from before, a line each: ``image vllm:0.31 → vllm:0.32``."""
    objects: tuple[ObjectRef, ...] = ()
    """The affected objects, if there are several; ``about`` is then their owner."""
    topic: str = ""
    """Topic, equal in another source that saw the same event in other words: ``replicas=6``. Empty: its words."""
    times: int = 1
    """Number of occurrences, from ``at`` to ``last``."""
    last: float | None = None
    """Unix time; None if it happened once."""
    unknown: str = ""
    """The reason for having no author; empty if there is one, and for events without authors."""
    templates: tuple[float, ...] = ()
    """Unix times at which another pod template was written: what a controller made of it is the same deed."""

    @property
    def ended(self) -> float:
        """Time of the last known occurrence: not used for ordering, but to decide whether it is within a span."""
        return self.at if self.last is None else self.last
