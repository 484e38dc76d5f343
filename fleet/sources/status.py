"""The status of a source over time: since when it has been in its state, and when it last gave a good answer."""

from __future__ import annotations

import traceback
from pathlib import Path

from fleet.model.problem import SourceProblem
from fleet.model.shown_certificate import ShownCertificate
from fleet.model.snapshot import Health, SourceStatus


def defect(error: Exception, now: float, details: str = "") -> SourceStatus:
    """Return the line about an unexpected error in this program; ``details`` says where more is stored."""
    return SourceStatus(
        "console",
        Health.DOWN,
        since=now,
        problem=f"unexpected {type(error).__name__}: the numbers below may be frozen",
        remedy=f"please report it{f' with {details}' if details else ''}; a restart may help meanwhile",
    )


def unforeseen(error: Exception) -> SourceProblem:
    """Return the problem for an unexpected error of a source: it is retried like any other failure."""
    place = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({Path(place[0].filename).name}:{place[0].lineno})" if place else ""
    return SourceProblem(
        f"a defect of Quarterdeck, please report it: unexpected {type(error).__name__}{where}: {error}",
        "It is retried; other measurements continue.",
    )


class StatusKeeper:
    """Turns reports into SourceStatus; ``since`` moves only when the health changes."""

    def __init__(self, name: str, health: Health, now: float) -> None:
        self.status = SourceStatus(name, health, since=now)

    def report(
        self,
        health: Health,
        now: float,
        *,
        problem: str = "",
        remedy: str = "",
        endpoint: str = "",
        notes: tuple[str, ...] = (),
        requests: int = 0,
        certificates: tuple[ShownCertificate, ...] = (),
    ) -> None:
        """Note how the source is at ``now`` (Unix seconds). LIVE and DEGRADED count as an answer."""
        last = self.status
        answered = health in (Health.LIVE, Health.DEGRADED)
        self.status = SourceStatus(
            name=last.name,
            health=health,
            since=last.since if last.health is health else now,
            last_ok=now if answered else last.last_ok,
            problem=problem,
            remedy=remedy,
            endpoint=endpoint or last.endpoint,
            notes=notes,
            requests=requests,
            certificates=certificates,
        )
