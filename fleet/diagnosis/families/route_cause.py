"""A workload and the objects in front of it: routes, policies, certificates, Services open to the world."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.serving import pods_in, ready_pods
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.exposure import Exposure, RouteCertificate
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.shown_certificate import ShownCertificate
from fleet.model.snapshot import Snapshot

EARLY = 21 * 86_400.0
"""Seconds before its end from which an unrenewed certificate is reported (findings catalogue F39)."""
_POINTS = 60
"""Points of history in which it is looked for whether requests ran."""
_LOOKED_BACK = 900.0
"""Seconds that these points are."""
LAST_PART = 0.25
"""Fraction of its lifetime that is left by then at most: a certificate for a day is renewed every sixteen hours, and
cert-manager renews when a third is left.
"""
ISSUING = 3600.0
"""Seconds that a renewal may take once it is due (an ACME order with its DNS records); at most half of what is left."""


class Cutting(NamedTuple):
    """A route that ends requests, and what they take."""

    route: str
    seconds: float
    """Seconds after which it ends them."""
    of: str
    """The part of a request that it limits, in words; empty for the whole answer."""
    takes: float
    """Seconds that one request in a hundred takes."""


class RoutedSubject(NamedTuple):
    """A workload that serves a model, and the way to it."""

    exposure: Exposure
    ready: int
    """Pods that are ready."""
    running: float
    """Running requests; NaN if nobody counts them."""
    ran: bool
    """True if requests ran in it in the last quarter of an hour."""
    keyless: bool | None
    """True if an engine of it asks for no key; None where that is not known."""
    now: float
    profile: Profile = CHAT
    e2e: float = math.nan
    """Request latency, 99th percentile: seconds. NaN for not measured."""
    finished: float = math.nan
    """Requests per second that end."""
    ttft: float = math.nan
    """Time to first token, 99th percentile: seconds. NaN for not measured."""

    @property
    def cutting(self) -> Cutting | None:
        """The route that ends requests, the one that ends most; None for none that ends any."""
        whole = (Cutting(*one, "", self.e2e) for one in self.exposure.limits)
        silent = (Cutting(*one, " without a token", self.ttft) for one in self.exposure.silences)
        known = [one for one in (*whole, *silent) if not math.isnan(one.takes)]
        return max(known, key=lambda one: one.takes / one.seconds, default=None)

    @property
    def is_walled_anew(self) -> bool:
        """True if policies wall it off since a time at which it is known whether requests ran."""
        return self.exposure.policy_block is not None and self.now - self.exposure.policy_block.since < _LOOKED_BACK

    @property
    def ended(self) -> Sequence[RouteCertificate]:
        """Certificates that have expired."""
        return [one for one in self.exposure.certificates if one.ends <= self.now]

    @property
    def ending(self) -> Sequence[RouteCertificate]:
        """Certificates that should have been renewed by now, the first to end first."""
        found = [one for one in self.exposure.certificates if renewal_due(one) <= self.now < one.ends]
        return sorted(found, key=lambda one: one.ends)


@dataclass(frozen=True, kw_only=True)
class RouteCause(DatedCause[RoutedSubject]):
    """A cause in front of a workload."""

    of: ClassVar[SubjectKind] = SubjectKind.SERVICE

    def subject(self, subjects: Subjects, key: str) -> RoutedSubject | None:
        return None if subjects.snapshot is None else routed_subject(subjects.snapshot, key)


def renewal_due(certificate: RouteCertificate | ShownCertificate) -> float:
    """Return the Unix time by which it should have been renewed: never before its own time for it (``renewBefore``)."""
    early = EARLY
    if certificate.begins is not None:
        early = min(early, (certificate.ends - certificate.begins) * LAST_PART)
    renews = certificate.renews if isinstance(certificate, RouteCertificate) else None
    if renews is None:
        return certificate.ends - early
    due = renews + min(ISSUING, max(certificate.ends - renews, 0.0) / 2)
    return max(certificate.ends - early, due)


def routed_subject(snapshot: Snapshot, key: str) -> RoutedSubject | None:
    """Examine the route to a workload; None if it is unknown."""
    fronts = snapshot.exposure.get(key)
    if fronts is None or key not in snapshot.workloads:
        return None
    pods = pods_in(snapshot, key)
    keys = {pod.serving.key for pod in pods if pod.serving.engine and not pod.serving.follows}
    return RoutedSubject(
        fronts,
        len(ready_pods(pods)),
        snapshot.by_workload.value(key, Quantity.RUNNING),
        any(one > 0 for one in snapshot.history.strip(key, Quantity.RUNNING, _POINTS)),
        None if not keys or None in keys else False in keys,
        snapshot.at,
        snapshot.profiles.of(key),
        snapshot.by_workload.value(key, Quantity.E2E_P99),
        snapshot.by_workload.value(key, Quantity.REQUESTS),
        snapshot.by_workload.value(key, Quantity.TTFT_P99),
    )


class FaultyRoutes(SearchByKey[RouteCause]):
    """Finds the workloads with something wrong on the way to them: most have nothing."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.exposure, snapshot.workloads, snapshot.pods)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return (key for key, fronts in snapshot.exposure.items() if any(fronts[1:]))
