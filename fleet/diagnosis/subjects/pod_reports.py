"""Causes that only events show: pods with recent events, and the cause that these are.

Events do not affect an object's assessment: they come late, get lost, and are repeated. So they are scanned when they
change, and occasionally for those that have expired.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence

from fleet.dataclass import dataclass
from fleet.diagnosis.sign import SignInWords
from fleet.diagnosis.subjects.gist import gist
from fleet.model.objects import Event, Pod

_CLAIM, _NODE = "PersistentVolumeClaim", "Node"
CREATED = ("Created", "Started")
"""Reasons of events of containers: one that is created has its image, its volumes and its sandbox."""
REMEMBERED = 660.0
"""Seconds for which an event counts: the kubelet's longest back-off is five minutes, and it reports every attempt."""


@dataclass(frozen=True, slots=True)
class PodReports:
    """A pod and the recent events of it, of its volume claims and of its node, newest first."""

    pod: Pod
    events: Sequence[Event]


def beside(pod: Pod) -> set[tuple[str, str, str]]:
    """Return the objects beside a pod whose events concern it, as (kind, namespace, name)."""
    claims = {(_CLAIM, pod.namespace, name) for name in pod.volume_claims}
    return claims | {(_NODE, "", pod.node)} if pod.node else claims


def is_beside(event: Event) -> bool:
    """True if an event is about an object of a kind that ``beside`` returns."""
    return event.involved.kind in (_CLAIM, _NODE)


def reports_of(pod: Pod, events: Iterable[Event], now: float) -> PodReports:
    """Return the recent events of one pod and of what is beside it; a namesake of the pod has another uid."""
    others = beside(pod)
    recent = (one for one in events if now - one.last <= REMEMBERED)
    mine = [one for one in recent if one.involved_uid == pod.uid or (is_beside(one) and one.involved[:3] in others)]
    return PodReports(pod, sorted(mine, key=lambda one: one.last, reverse=True))


class EventSign(SignInWords[PodReports]):
    """A sign that holds while a recent event shows it."""

    __slots__ = ()

    @abstractmethod
    def newest(self, of: PodReports) -> Event | None:
        """Return the newest event that shows it; None for none."""

    @property
    def holds(self) -> Callable[[PodReports], bool | None]:
        return lambda of: self.newest(of) is not None

    @property
    def shows(self) -> Callable[[PodReports], str]:
        return self._words

    def _words(self, of: PodReports) -> str:
        event = self.newest(of)
        return "" if event is None else f"{event.reason}: {event.message}"


@dataclass(frozen=True, slots=True)
class Reported(EventSign):
    """A sign: an event with one of these reasons, whose message matches these words."""

    name: str
    reasons: tuple[str, ...]
    words: str = ""
    """Regular expression; empty for all messages."""
    latest_of: tuple[str, ...] = ()
    """Reasons of later events that cancel it."""

    @property
    def reads(self) -> str:
        return f"events {', '.join(self.reasons)}"

    def newest(self, of: PodReports) -> Event | None:
        for event in of.events:
            if event.reason in self.reasons and re.search(self.words, event.message):
                return event
            if event.reason in self.latest_of:
                return None
        return None


def quoting(text: str, sign: Reported) -> Callable[[PodReports], str]:
    """Return words that end with the gist of the event that a sign reads."""

    def words(of: PodReports) -> str:
        event = sign.newest(of)
        return text if event is None else f"{text}: {gist(event.message)}"

    return words
