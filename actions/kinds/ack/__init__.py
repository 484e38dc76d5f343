"""Acknowledge an incident: a record of the person in the audit log, and nothing that is sent anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from actions.request import Request, Target
from actions.spec import ActionSpec, Api, Argument, Takes, Values, no_permissions
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.running.execution_context import ClusterAction

INCIDENT: Final = "Incident"
"""The kind of a target that is an incident: its uid is the incident's key."""
NAMED: Final = "its object (chat-8b, pod/chat-8b-0), its cause, or its key (cause@object), as check prints them"
"""Help for the name of an incident on the command line."""


@dataclass(frozen=True, slots=True)
class Acknowledge(Request):
    """Acknowledge an incident; ``off``: withdraw the acknowledgement, no matter whose it is."""

    kind: ClassVar[str] = "ack"
    note: str = ""
    off: bool = False

    @property
    def reason(self) -> str:
        return self.note


def _build(values: Values, targets: tuple[Target, ...]) -> Acknowledge:
    note = values.get("note") or values.get("reason") or ""
    return Acknowledge(targets[0], note, off=bool(values.get("off")))


def _ack() -> ClusterAction:
    from actions.kinds.ack.action import AckAction

    return AckAction()


ACK = ActionSpec(
    request=Acknowledge,
    action=_ack,
    title="Acknowledge the incident, with a note that others see",
    about="Acknowledge an incident, with a note, or withdraw that.",
    done="acknowledged",
    sends="nothing: it is written to the audit log",
    objects=(INCIDENT,),
    permissions=no_permissions,
    arguments=(
        Argument(
            "note", "--note", Takes.TEXT, "TEXT", "what others should know, such as what you are doing or a ticket"
        ),
        Argument("off", "--off", Takes.SWITCH, help="withdraw the acknowledgement"),
    ),
    build=_build,
    target_metavar="INCIDENT",
    target_help=NAMED,
    api=Api.RECORD,
)
