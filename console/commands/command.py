"""A command: its name, its screens, its availability, and its effect."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from console.commands.desk import Desk
from fleet.dataclass import dataclass
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from console.session.protocol import ActionService
    from fleet.local.server import ServerState


class ScreenId(StrEnum):
    """The screens, by their content."""

    FLEET = "fleet"
    DETAIL = "detail"
    NODES = "nodes"
    LOGS = "logs"
    TEXT = "text"
    DOCUMENT = "document"
    LISTING = "listing"
    SOURCES = "sources"
    JOINS = "joins"
    INCIDENTS = "incidents"
    INCIDENT = "incident"
    AUDIT = "audit"
    TIMELINE = "timeline"
    ALERTS = "alerts"
    ALERT = "alert"
    MONITORING = "monitoring"
    OBJECTIVES = "objectives"
    CHOICE = "choice"
    HELP = "help"
    PLAN = "plan"
    ACTION = "action"
    ACTIONS = "actions"
    REVISIONS = "revisions"
    CONFIRM = "confirm"
    LOCAL = "local"
    LOCAL_SERVER = "local server"
    LOCAL_LOG = "local log"
    FORM = "form"
    TRY = "try"
    BENCHES = "benchmarks"
    PLOT = "plot"
    WHY = "why slow"
    NUMBERS = "numbers"


_EXPLANATION = re.compile("[:;,]")
EVERYWHERE = frozenset(ScreenId)
OBJECTS = frozenset(
    {
        ScreenId.FLEET,
        ScreenId.DETAIL,
        ScreenId.NODES,
        ScreenId.JOINS,
        ScreenId.ALERTS,
        ScreenId.ALERT,
        ScreenId.INCIDENTS,
        ScreenId.INCIDENT,
        ScreenId.OBJECTIVES,
        ScreenId.LISTING,
        ScreenId.NUMBERS,
    }
)
"""Screens with an object under the cursor."""
OF_ALERTS = frozenset({ScreenId.ALERTS, ScreenId.ALERT})
"""Screens on which the object of the alert under the cursor is the command's object."""
TABLES = frozenset({ScreenId.FLEET, ScreenId.NODES})
OWN = frozenset({ScreenId.LOCAL, ScreenId.LOCAL_SERVER, ScreenId.LOCAL_LOG, ScreenId.TRY, ScreenId.BENCHES})
"""Screens with a vLLM server on this machine under the cursor: their subject is its name."""

STAYING = OWN | {
    ScreenId.FLEET,
    ScreenId.SOURCES,
    ScreenId.AUDIT,
    ScreenId.ACTION,
    ScreenId.ACTIONS,
    ScreenId.CHOICE,
    ScreenId.CONFIRM,
    ScreenId.FORM,
    ScreenId.HELP,
}
"""Screens that are independent of the cluster, or follow the selected one: selecting another closes all others."""


STANDING = frozenset(
    {
        ScreenId.FLEET,
        ScreenId.DETAIL,
        ScreenId.NODES,
        ScreenId.JOINS,
        ScreenId.INCIDENTS,
        ScreenId.INCIDENT,
        ScreenId.ALERTS,
        ScreenId.ALERT,
        ScreenId.OBJECTIVES,
        ScreenId.SOURCES,
    }
)
"""Screens that are drawn from the Snapshot alone, so that they show any moment: going to another closes all others."""


class Context(NamedTuple):
    """The context of a command: the moment at which it was requested.

    ``subject`` is the key (of the Snapshot) of the object that was under the cursor then, and ``target`` the same as a
    Kubernetes object; when the command runs, another one may be under the cursor.
    """

    where: ScreenId
    view: object
    """The screen; console.commands.capabilities lists what it may support."""
    snapshot: Snapshot | None = None
    subject: str | None = None
    target: ObjectRef | None = None
    argument: str = ""
    """Argument behind the command's name in the command line."""
    marked: tuple[str, ...] = ()
    """Keys of the rows that were marked, in the order of the screen."""
    actions: ActionService | None = None
    """Service that changes the cluster; None in read-only mode and before the first Snapshot."""
    servers: tuple[ServerState, ...] = ()
    """The vLLM servers on this machine, as they were then."""


def always(context: Context) -> str | None:
    """Return None: always available."""
    del context
    return None


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.

    ``available`` returns why the command cannot run now, None if it can; it is called where the command is offered and
    again before it runs. ``run`` may be a coroutine; it raises SessionError for outside failures.
    """

    id: str
    title: str
    run: Callable[[Desk, Context], Awaitable[None] | None]
    keys: tuple[str, ...] = ()
    """Default keys, in Textual's names."""
    names: tuple[str, ...] = ()
    """Names in the command line, the first one being completed."""
    where: frozenset[ScreenId] = EVERYWHERE
    """The screens on which it works."""
    hint: str = ""
    """The word beside its key in the key bar; empty for commands that are not shown there."""
    hints: Mapping[ScreenId, str] = field(default_factory=dict)
    """The words on screens where it is something else."""
    argument: str = ""
    """Argument that may follow its name in the command line, for the help."""
    family: str = ""
    """The title of several commands that differ in a number only: lists of commands show them as one."""
    bound: frozenset[ScreenId] | None = None
    """Screens among them on which its keys are bound; None for all of them."""
    finishes: bool = False
    """True if it makes or records something: no later command takes its place. Others only lead to what is shown."""
    dangerous: bool = False
    """True if it changes the cluster: never bound and never offered in read-only mode."""
    only_now: bool = False
    """True if it reads from the cluster, or from this machine, what is there now: not available in the past."""
    needs: type[object] | None = None
    """The capability that the front screen must have (console.commands.capabilities)."""
    available: Callable[[Context], str | None] = always
    permitted: Callable[[Context], str | None] = always
    """Return why this identity may not run it, None if it may: called after ``available``. It is then shown as
    disabled.
    """

    @property
    def called(self) -> str:
        """The title without its explanation, for the front of a sentence."""
        return _EXPLANATION.split(self.title, maxsplit=1)[0]
