"""Silence an alert for a time, and end a silence: done at its Alertmanager, not at the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from actions.request import Request
from actions.spec import ActionSpec, no_permissions
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.execution_context import ClusterAction

ALERT: Final = "Alert"
"""The kind of a target that is an alert: its uid is the alert's key among those that are known."""
HOUR: Final = 3600.0
LONGEST: Final = 30 * 24 * HOUR
"""Seconds. A silence that outlives those who made it hides what nobody knows of any more."""


@dataclass(frozen=True, slots=True)
class Silence(Request):
    """Tell nobody of an alert for so many seconds: of exactly this one, by all of its labels."""

    kind: ClassVar[str] = "silence"
    seconds: float = HOUR


@dataclass(frozen=True, slots=True)
class Expire(Request):
    """End a silence. ``silence`` is its id, or the mark that a silence of ours has in its comment."""

    kind: ClassVar[str] = "expire"
    silence: str


def _silence() -> ClusterAction:
    from actions.kinds.silence.action import SilenceAction

    return SilenceAction()


def _expire() -> ClusterAction:
    from actions.kinds.silence.action import ExpireAction

    return ExpireAction()


SILENCE = ActionSpec(
    request=Silence,
    action=_silence,
    title="Silence the alert: nobody is told of it for a time",
    about="Tell nobody of an alert for a time.",
    done="silenced",
    sends="POST of a silence to its Alertmanager",
    objects=(ALERT,),
    permissions=no_permissions,
    elsewhere=True,
)
EXPIRE = ActionSpec(
    request=Expire,
    action=_expire,
    title="End the silence of the alert",
    about="End a silence: people are told again.",
    done="told of again",
    sends="DELETE of the silence at its Alertmanager",
    objects=(ALERT,),
    permissions=no_permissions,
    elsewhere=True,
)
