"""Silence an alert for a time, and end a silence: sent to its Alertmanager, not to the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from actions.request import Request, Target
from actions.spec import ActionSpec, Api, Argument, Takes, UsageError, Values, no_permissions
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction

ALERT: Final = "Alert"
"""The kind of a target that is an alert: its uid is the alert's key on the board."""
NAMED: Final = "NAME, NAME{label=value,...} as in PromQL, or the fingerprint"
"""Help for the name of an alert on the command line."""
HOUR: Final = 3600.0
SHORTEST: Final = 60.0
LONGEST: Final = 30 * 24 * HOUR
"""Seconds. A silence that outlives its author's memory hides alerts unexpectedly."""


@dataclass(frozen=True, slots=True)
class SilenceAlert(Request):
    """Silence exactly this alert, by all of its labels, for so many seconds."""

    kind: ClassVar[str] = "silence"
    seconds: float = HOUR
    comment: str = ""
    """The reason, as shown in Alertmanager; empty if not known at planning."""


@dataclass(frozen=True, slots=True)
class Expire(Request):
    """End a silence."""

    kind: ClassVar[str] = "expire"
    silence: str = ""
    """Id, or the mark that a silence of ours has in its comment; empty for the only one that covers the alert."""


def is_long_enough(seconds: float) -> bool:
    """True if a silence may last for so many seconds."""
    return SHORTEST <= seconds <= LONGEST


LASTS: Final = "a silence lasts from a minute to 30 days"


def _build(values: Values, targets: tuple[Target, ...]) -> SilenceAlert:
    """The silence of a command line, with its reason as the comment. Raises UsageError."""
    given = values.get("seconds")
    seconds = HOUR if given is None else given
    if not is_long_enough(seconds):
        raise UsageError(LASTS)
    return SilenceAlert(targets[0], seconds, values.get("reason") or "")


def _silence() -> ClusterAction:
    from actions.kinds.silence.action import SilenceAction

    return SilenceAction()


def _expire() -> ClusterAction:
    from actions.kinds.silence.action import ExpireAction

    return ExpireAction()


SILENCE = ActionSpec(
    request=SilenceAlert,
    action=_silence,
    title="Silence the alert: mute its notifications for a time",
    about="Mute an alert's notifications for a time.",
    done="silenced",
    sends="POST of a silence to its Alertmanager",
    objects=(ALERT,),
    permissions=no_permissions,
    arguments=(Argument("seconds", "--for", Takes.LENGTH, "TIME", "30m, 2h, 3d: duration of the silence (1h)"),),
    build=_build,
    target_metavar="ALERT",
    target_help=NAMED,
    api=Api.ALERTMANAGER,
)
EXPIRE = ActionSpec(
    request=Expire,
    action=_expire,
    title="End the silence of the alert",
    about="End a silence: notifications resume.",
    done="unsilenced",
    sends="DELETE of the silence at its Alertmanager",
    objects=(ALERT,),
    permissions=no_permissions,
    arguments=(Argument("silence", "--silence", Takes.TEXT, "ID", "which one, if several cover the alert"),),
    target_metavar="ALERT",
    target_help=f"{NAMED}; or the id of the silence",
    api=Api.ALERTMANAGER,
)
