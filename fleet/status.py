"""The status of a source over time: since when it is what it is, and when it last gave a good answer."""

from __future__ import annotations

from fleet.model.snapshot import Health, SourceStatus


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
        )
