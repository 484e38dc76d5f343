"""One kind of object that is read for the past: its list, the kept part of each object, and the entries made from
all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any, Generic, TypeVar

from fleet.dataclass import dataclass
from fleet.json_fields import Raw, mapping, text
from fleet.model.objects import ObjectRef
from fleet.sources.kube.project.common_fields import owner
from fleet.timeline.attribution import Applied, Write
from fleet.timeline.entry import Entry, Evidence
from fleet.timeline.kinship import Kinship
from fleet.timeline.template import Clean

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SharedFacts:
    """The facts shared by all kinds in one query: written by ``take``, read by ``tell``."""

    clean: Clean
    """A value without its secrets."""
    kin: Kinship = field(default_factory=Kinship)
    """Owners of objects."""
    writes: dict[ObjectRef, list[Write]] = field(default_factory=lambda: defaultdict(list))
    """Writes to each object."""
    there: set[ObjectRef] = field(default_factory=set)
    """Existing pods, which report their own history."""
    cordons: dict[ObjectRef, float] = field(default_factory=dict)
    """Cordoned nodes → Unix time of the write, which shows who did it."""
    rescaled: set[tuple[ObjectRef, float]] = field(default_factory=set)
    """Autoscalers and the times of their scaling events, which give the size and the reason."""
    rollouts: dict[ObjectRef, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Unix times at which templates of a workload were first seen."""
    applied: dict[ObjectRef, list[Applied]] = field(default_factory=lambda: defaultdict(list))
    """Times at which tools say that they applied their objects, by the owner of those (an Application, a release)."""
    autoscalers: dict[ObjectRef, tuple[float, Evidence]] = field(default_factory=dict)
    """Owners of autoscalers, and when that was made."""
    rollbacks: set[tuple[ObjectRef, float]] = field(default_factory=set)
    """Workloads, and times of writes that were rollbacks: written by their revisions, which come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness(Generic[T]):
    """One kind of object. ``take`` is called for each as its page arrives: the page is not kept."""

    kind: str
    group: str = ""
    version: str = "v1"
    plural: str
    namespaced: bool = True
    extract: Callable[[Raw, SharedFacts], T]
    """Makes an extract of an object, kept until all are there."""
    entries: Callable[[Sequence[T], SharedFacts], Iterable[Entry]]
    """Entries from all extracts, in any order."""
    lost: str
    """Loss where these may not be listed."""
    custom: bool = False
    """True for a custom resource: a cluster without it is normal."""
    page: int = 200

    @property
    def qualified(self) -> str:
        """Name as in `kubectl auth can-i`: ``replicasets.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def entries_of_each(taken: Sequence[tuple[Entry, ...]], asked: SharedFacts) -> Iterable[Entry]:
    """``tell`` for independent objects: ``take`` has made the entries."""
    del asked
    return (entry for entries in taken for entry in entries)


def ref_of(raw: Raw, kind: str) -> ObjectRef:
    """Return a reference to an object. Items of a list lack their kind."""
    metadata = mapping(raw, "metadata")
    return ObjectRef(kind, text(metadata, "namespace"), text(metadata, "name"))


def stamped(raw: Raw, ref: ObjectRef, key: str = "creationTimestamp") -> Evidence:
    """Return a time of an object's metadata, verbatim."""
    return Evidence(f"{ref} metadata.{key}", text(mapping(raw, "metadata"), key))


def note_owner(raw: Raw, ref: ObjectRef, kin: Kinship) -> None:
    """Note the controller of an object as its owner."""
    above = owner(mapping(raw, "metadata"))
    if above is not None:
        kin.note_maker(ref, ObjectRef(above.kind, ref.namespace, above.name))


AnyWitness = Witness[Any]
