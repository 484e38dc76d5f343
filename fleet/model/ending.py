"""Ends of containers, and the reasons for them in their logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from fleet.dataclass import dataclass
from fleet.model.facts import Facts
from fleet.model.objects import Container, Pod

LINE: Final = 300
"""Characters of a line that are quoted."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The reason why a container ended, by the end of its log."""

    pod_uid: str
    container: str
    restarts: int
    """Restart count at that time: it does not apply to a later end."""
    reason: str
    """Id of the table of fleet/model/log_reasons.py; empty where the log gives none."""
    line: str = ""
    """The line that shows it, redacted."""


@dataclass(frozen=True, slots=True)
class Endings:
    """Reasons that the logs of containers give which have ended: the facts of one source."""

    rows: tuple[Ending, ...] = ()


def printable(line: str) -> str:
    """A line of a stranger's log, short and without anything that a terminal would obey."""
    return "".join(each if each.isprintable() else " " for each in line[:LINE]).strip()


def has_ended(container: Container) -> bool:
    """True if it ended with an error, and is not ready again."""
    died = container.last_exit_code if container.state != "terminated" else container.exit_code
    return bool(died) and not container.ready


class LastWords(NamedTuple):
    """Reason why a container of a pod ended, and the source of that."""

    container: str
    reason: str
    line: str
    where: str


def last_words(pod: Pod, facts: Facts, told_by: Callable[[str], tuple[str, str]]) -> LastWords | None:
    """The reason why a container of a pod has ended; None where nothing is known of it.

    ``told_by``: from the end of a log to the id of the reason that it gives, empty for none, and the line that says so.

    The kubelet keeps a message where the pod asks for that (terminationMessagePolicy: FallbackToLogsOnError).
    """
    read = {
        (row.pod_uid, row.container, row.restarts): row
        for dated in facts.of(Endings).values()
        for row in dated.value.rows
        if row.pod_uid == pod.uid
    }
    for one in filter(has_ended, pod.containers):
        reason, line = told_by(one.message if one.state == "terminated" else one.last_message)
        if reason:
            return LastWords(one.name, reason, line, "the termination message kept by the kubelet")
        found = read.get((pod.uid, one.name, one.restarts))
        if found is not None and found.reason:
            return LastWords(one.name, found.reason, found.line, "the end of its log")
    return None
