"""Causes at a workload that only events show: a controller that fails again and again, pods that are taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from fleet.diagnosis.cause import Help
from fleet.diagnosis.families.workload_report_cause import (
    LastResortCause,
    WorkloadReportCause,
    WorkloadReports,
)
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.repeated_events import first_of, seconds_of, times_of
from fleet.model.counting import count
from fleet.model.objects import Event
from fleet.model.severity import Severity

_NOW: Final = 90.0
"""Seconds for which a single warning counts: what is tried again is tried within them, at first."""
_AGAIN: Final = 330.0
"""Seconds for which a repeated warning counts: controllers try again every five minutes in the end."""
_LASTS: Final = 120.0
_OFTEN: Final = 3
_PASSES: Final = re.compile(
    r"object has been modified|cannot be fulfilled|please apply your changes|already exists|context canceled"
    r"|StorageError|TooManyRequests|client rate limiter|leader election",
    re.IGNORECASE,
)
"""Words of conflicts between controllers, which the next try settles."""
_ELSEWHERE: Final = frozenset(
    {
        *("FailedCreate", "FailedRescale", "KEDAScalerFailed", "ScaledObjectFallbackActivated"),
        *("ReplicaSetCreateError", "FailedGetScale", "BackOff", "BackoffLimitExceeded", "Unhealthy"),
    }
)
"""Reasons of warnings that other causes read."""


def _tells(event: Event) -> bool:
    policy = "Policy" in event.reason and "denied" not in event.message
    return event.reason not in _ELSEWHERE and not policy and _PASSES.search(event.message) is None


def _alike(of: WorkloadReports) -> Sequence[Event]:
    """Return the newest warning that tells something, with those alike: of one object, for one reason."""
    reports = [event for event in of.warnings if _tells(event)]
    if not reports:
        return []
    newest = reports[0]
    return [one for one in reports if (one.involved, one.reason) == (newest.involved, newest.reason)]


def _goes_on(of: WorkloadReports) -> bool:
    alike = _alike(of)
    if not alike:
        return False
    age = of.at - alike[0].last
    return age <= _NOW or (age <= _AGAIN and times_of(alike) >= _OFTEN and seconds_of(alike) >= _LASTS)


def _shown(of: WorkloadReports) -> str:
    alike = _alike(of)
    return f"{alike[0].involved.kind} {alike[0].involved.name}, {alike[0].reason}: {alike[0].message}" if alike else ""


def _words(of: WorkloadReports) -> str:
    alike = _alike(of)
    return f"{alike[0].involved.kind} {alike[0].involved.name}: {gist(alike[0].message)}" if alike else ""


CONTROLLER_REPORTS = LastResortCause(
    id="controller-reports",
    severity=Severity.WARNING,
    sentence="A controller reports again and again that it cannot do what an object of the workload asks for.",
    words=_words,
    must=(Fact("a controller warns, and goes on", "events of type Warning", _goes_on, _shown),),
    began=lambda of: first_of(_alike(of)),
    runs_on=True,
    after=_LASTS,
    clears=330,
    helps=(
        Help("read the event, and the object that it names", "describe"),
        Help("see what changed before", "past"),
    ),
    avoid=("Do not restart the engines for it: they are not what fails.",),
    decides=("whether other objects of that kind get the same warning: then it is their controller or the cloud",),
)
TAKEN_AWAY = WorkloadReportCause(
    id="pods-taken-away-again",
    severity=Severity.WARNING,
    sentence="A controller takes pods of the workload away again and again: each time the model has to load.",
    words=lambda of: f"its pods are taken away again and again: {of.taken[0].reason}" if of.taken else "",
    must=(
        Fact(
            "its pods are taken away repeatedly",
            "events of its pods",
            lambda of: times_of(of.taken) >= _OFTEN and seconds_of(of.taken) >= _LASTS,
            lambda of: (
                f"{count(times_of(of.taken), 'time')} within {seconds_of(of.taken) / 60:.0f} min, "
                f"{of.taken[0].reason}: {of.taken[0].message}"
                if of.taken
                else ""
            ),
        ),
    ),
    began=lambda of: first_of(of.taken),
    explains=("pod-not-ready", "replicas-missing", "no-replica-ready", "rollout-stuck"),
    # Its events are those of pods; that one reads those of all other objects.
    leaves=("controller-reports",),
    clears=660,
    helps=(
        Help("see who does it, and when", "past"),
        Help("read the events of its pods", "describe"),
    ),
    avoid=("Do not add replicas for it: they are taken away as well.",),
    decides=("which controller it is: the VPA, the descheduler, a taint, or a group whose worker dies",),
)
OF_WORKLOAD_REPORTS = (CONTROLLER_REPORTS, TAKEN_AWAY)
