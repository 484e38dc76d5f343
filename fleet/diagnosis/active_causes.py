"""The causes that hold for the objects of a fleet at one moment, as found when they were assessed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import AnyCause, MetricsCause
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot

WORTH = frozenset({Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN})
"""Severities of objects that are looked into."""


class ActiveCause(NamedTuple):
    """One cause at one object."""

    cause: AnyCause
    key: str


@dataclass(frozen=True, slots=True)
class ActiveCauses:
    """The causes that hold, by the keys of objects."""

    unwell: Collection[str] = field(default_factory=dict)
    """Keys of the objects that are examined: those whose severity is in WORTH."""
    own: Mapping[str, AnyCause] = field(default_factory=dict)
    """Causes that decide the severity of pods, workloads and nodes."""
    engines: Mapping[str, Sequence[MetricsCause]] = field(default_factory=dict)
    """Causes that the numbers of pods show."""
    gpus: Mapping[str, Sequence[MetricsCause]] = field(default_factory=dict)
    beside: Mapping[str, Sequence[MetricsCause]] = field(default_factory=dict)
    """Causes of GPUs that count in addition to a trouble of the pod that holds them."""

    def troubles(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield every cause that holds for an object that is not well."""
        own = self.own
        for key in self.unwell:
            cause = own.get(key)
            if cause is not None and cause.severity in WORTH:
                yield ActiveCause(cause, key)
            for other in self._measured(snapshot, key, cause):
                yield ActiveCause(other, key)

    def _measured(self, snapshot: Snapshot, key: str, own: AnyCause | None) -> Sequence[MetricsCause]:
        """Return the causes found in the metrics of a GPU, or of a pod unless something else makes them irrelevant."""
        if key in snapshot.gpus:
            return self.gpus.get(key) or self.beside.get(key, ())
        found = self.engines.get(key)
        if not found or (own is not None and own.stage < found[0].stage):
            return ()
        pod = snapshot.pods.get(key)
        up = pod is not None and pod.ready and snapshot.workload_of.get(key) in snapshot.model_of
        return [cause for cause in found if cause.severity in WORTH] if up else ()
