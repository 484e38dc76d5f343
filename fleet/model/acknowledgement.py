"""Acknowledgements of incidents by users, as recorded in the audit logs."""

from __future__ import annotations

from fleet.dataclass import dataclass
from fleet.model.severity import Severity


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One incident as it was at its acknowledgement."""

    by: str
    """The person: the identity that the cluster knows, else the login; of a log that is not theirs, its owner."""
    at: float
    """Unix time."""
    note: str
    """Words of the person; empty for none."""
    cause: str
    """Id of the root's cause."""
    objects: tuple[str, ...]
    """Keys of its objects: the one that named it, and those at which the root's cause was found."""
    severity: Severity
    replicas: int
    """Pods that were concerned."""
    waiting: float | None
    """Requests that waited there; None where that was not measured."""
    server: str
    """Address of the API server of its cluster."""
    cluster_uid: str = ""
    """UID of that cluster's namespace kube-system; empty where it was not known."""


@dataclass(frozen=True, slots=True)
class Acknowledgements:
    """The current acknowledgements, the latest first; only the last one of each incident."""

    told: tuple[Acknowledgement, ...] = ()
