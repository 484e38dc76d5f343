"""Steps through the past from change to change, and back to now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fleet.model.in_past import is_past
from fleet.timeline.turning_points import SEEN_BY, turning_points
from themes.palette import Role

if TYPE_CHECKING:
    from console.app.navigator import Navigator
    from console.commands.desk import Desk
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Snapshot
    from fleet.timeline.turning_points import TurningPoint

_BACK: Final = 24 * 3600.0
"""Seconds: as far as the timeline goes."""


class ChangeSteps:
    """The changes of the cluster in view, as they were known when the first step was made from now."""

    def __init__(self, desk: Desk, navigator: Navigator) -> None:
        self._desk = desk
        self._navigator = navigator
        self._known: tuple[ClusterId | None, tuple[TurningPoint, ...]] = (None, ())

    async def step(self, snapshot: Snapshot, moment: float, by: int) -> None:
        """Show everything after the last change before ``moment``, or the first one after it; after the last one now.

        Raises SessionError if what happened cannot be read, or the moment was not kept.
        """
        from console.views.turning_points import point_text

        cluster = snapshot.cluster.id
        if not is_past(snapshot) or self._known[0] != cluster:
            self._navigator.say("reading what happened …")
            happened = await self._desk.session.timeline(cluster, snapshot.at - _BACK)
            self._known = cluster, turning_points(happened.entries, snapshot.incidents)
        points = self._known[1]
        # A change of the last seconds is not over: now shows it.
        until = moment if is_past(snapshot) else moment - SEEN_BY
        fitting = [one for one in points if (one.at < until if by < 0 else one.at > moment)]
        if not fitting and by < 0:
            self._navigator.say("no earlier change is known; shift-l lists what happened", Role.WARNING)
        elif not fitting:
            await self._desk.scope.travel(None)
        else:
            point = fitting[-1 if by < 0 else 0]
            await self._desk.scope.travel(point.at)
            self._navigator.say(point_text(point))
