"""The console's services for commands and screens, by topic. The app implements each (``console/app``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from themes.palette import Role

if TYPE_CHECKING:
    from actions.request import Request, Target
    from console.commands.command import Command, Context, ScreenId
    from console.config.options import Options
    from console.session.local.protocol import LocalServers
    from console.session.protocol import ActionService, Session
    from console.views.severity_since import SinceTracker
    from fleet.local.server import ServerState
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Snapshot
    from widgets.prompt import Kind, PromptHistory


class Navigator(Protocol):
    """The front screen, and the way to another."""

    def go_back(self) -> None:
        """Go to the screen before; on the first screen show a hint how to quit."""
        ...

    def go_home(self) -> None:
        """Go to the fleet."""
        ...

    def change_theme(self, name: str) -> None:
        """Draw in the colours of another theme, until the console ends."""
        ...

    def suspend(self) -> None:
        """Stop as ctrl-z stops any program, until ``fg``."""
        ...

    def say(self, text: str, role: Role = Role.TEXT, *, is_event: bool = False) -> None:
        """Show a message in the message line of the front screen, until the next key unless it is an event."""
        ...

    def copy(self, text: str, what: str, *, in_part: bool = True) -> bool:
        """Copy a text to the terminal's clipboard, and report ``what`` it is; True if all of it was copied.

        ``in_part``: of a text that is too long for a terminal its beginning is copied, otherwise nothing.
        """
        ...

    def confirm(self, title: str, lines: Sequence[str], stay: str, go: str, then: Callable[[], None]) -> None:
        """Ask before ``then``; to stay has the focus."""
        ...


class Pages(Protocol):
    """The screens of the fleet."""

    def open_detail(self, key: str) -> None:
        """Everything about a pod or a workload."""
        ...

    def open_nodes(self, key: str | None) -> None:
        """Nodes and GPUs, with the cursor on the node or GPU of ``key`` where there is one."""
        ...

    def open_logs(self, pod: str, *, previous: bool, together: Sequence[str] = ()) -> None:
        """Logs of a pod (its key), or of several pods as one."""
        ...

    def open_describe(self, ref: ObjectRef) -> None: ...

    def open_yaml(self, ref: ObjectRef) -> None: ...

    def open_screen(self, where: ScreenId, *of: str) -> None:
        """Open a screen of all that is in view, or (``of``) the numbers of an object, from one of them on."""
        ...

    async def open_listing(self, resource: str, namespace: str) -> None:
        """List any resource of the cluster, by a name that kubectl accepts; ``namespace``: empty for the selected one.

        Raises SessionError if there is no such resource, or it may not be listed.
        """
        ...

    def open_alerts(self, key: str) -> None:
        """Alerts: of all in view, or of an object by its key."""
        ...

    def open_incidents(self, key: str | None) -> None:
        """Open the incidents, with the cursor on the one that involves an object (its key)."""
        ...

    def open_why(self, key: str) -> None:
        """Open the explanation of a pod's or workload's latency, and what slow replicas have in common."""
        ...

    def open_audit(self) -> None: ...

    def open_timeline(self, ref: ObjectRef | None) -> None:
        """Open the past of an object, or (None) of everything in view."""
        ...

    def open_plot(self, keys: Sequence[str], quantity: str) -> None:
        """Plot an object, or two over each other; ``quantity`` may be empty."""
        ...

    def open_help(self) -> None: ...

    def open_palette(self) -> None: ...


class ViewScope(Protocol):
    """The context and the namespace in view, and views that are saved by name."""

    @property
    def views(self) -> SavedViews: ...

    def choose_namespace(self) -> None: ...

    def choose_context(self) -> None: ...

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        """Select another view; an unknown name is refused with the known ones."""
        ...

    async def travel(self, at: float | None) -> None:
        """Show everything as it was at a Unix time; None: as it is now."""
        ...

    async def step(self, by: int) -> None:
        """Show everything as it was after the previous change (-1), or after the next (1); after the last one now."""
        ...

    async def switch_to_favourite(self, number: int) -> None:
        """Select the n-th namespace (from 1), recently selected ones first, then by name."""
        ...


class LineController(Protocol):
    """The line below the body: for a command, a filter or a search, a number, or a note."""

    def ask_command(self) -> None:
        """Open the command line."""
        ...

    def ask_filter(self) -> None:
        """Open the line for a filter or, where there is text, a search."""
        ...

    def ask_amount(self, label: str, offered: int | str, choose: Callable[[str], None]) -> None:
        """Ask for a number in a line that starts as ``offered``; the input may be a sign and a number."""
        ...

    def ask_note(self, label: str, choose: Callable[[str], None]) -> None:
        """Ask for a text of one's own, which may be empty."""
        ...

    async def open_asked(self) -> None:
        """Open the requested line, unless it is already open."""
        ...

    def complete(self, kind: Kind, text: str) -> Sequence[str]:
        """Return completions of the typed text."""
        ...

    def histories(self) -> dict[Kind, PromptHistory]:
        """Return the lines typed before, on any screen."""
        ...

    def run(self, text: str, context: Context) -> None:
        """Run a command as it was typed."""
        ...

    def narrow(self, text: str) -> None:
        """Filter the screen in front."""
        ...


class ActionController(Protocol):
    """Plans, their confirmation, and running actions. In read-only mode it has no backend."""

    @property
    def service(self) -> ActionService | None:
        """The service that changes the cluster in view; None in read-only mode and before the first Snapshot."""
        ...

    @property
    def under_way(self) -> int:
        """Number of running actions."""
        ...

    def may_act(self) -> bool:
        """True if this identity may change the selected cluster, or that is not known yet."""
        ...

    def open_plan(self, request: Request) -> None:
        """Plan it, and show the plan."""
        ...

    async def execute(self, request: Request) -> None:
        """Plan and execute at once an action that sends nothing and needs no confirmation. Raises SessionError."""
        ...

    def open_undo(self) -> None:
        """Plan the undo of the last action."""
        ...

    def open_revisions(self, target: Target) -> None:
        """The revisions of a workload of that cluster, to choose one."""
        ...

    def open_actions(self) -> None:
        """The actions of this session."""
        ...

    def follow(self, id: str) -> None:  # noqa: A002 - the run's
        """Show an action that was started."""
        ...


class LocalController(Protocol):
    """The servers on this machine. Most consoles never need them."""

    def observe(self) -> LocalServers:
        """Return the servers on this machine, which are polled from the first call on."""
        ...

    @property
    def states(self) -> tuple[ServerState, ...]:
        """States at the last poll; empty while they are not polled."""
        ...

    @property
    def measured(self) -> Snapshot | None:
        """Measurements of the servers, whichever cluster is selected."""
        ...


class SavedViews(Protocol):
    """The views that are saved by name."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def show(self, name: str) -> None:
        """Show one of them."""
        ...

    def choose(self) -> None:
        """List them, to choose one."""
        ...

    def save(self, name: str) -> None:
        """Keep the table in front by this name, in the configuration file."""
        ...


class LocalPages(Protocol):
    """The screens of the servers on this machine."""

    def open_list(self) -> None: ...

    def open_server(self, name: str) -> None:
        """Everything about one of them."""
        ...

    def open_log(self, name: str) -> None: ...

    def open_benches(self, name: str) -> None:
        """The benchmarks of a server's model."""
        ...

    def open_entries(self, name: str) -> None:
        """A server as an entry for gateways."""
        ...

    def open_up(self, model: str) -> None:
        """The form for a server to start; ``model`` may be empty, or the name of a preset."""
        ...

    async def open_same(self, pod: str) -> None:
        """Open the same form, filled with the arguments of a pod (its key)."""
        ...

    def open_restart(self, name: str) -> None:
        """Open the form for a restart, filled with the server's arguments."""
        ...

    def open_try(self, name: str) -> None:
        """A word with a server."""
        ...

    def open_bench(self, name: str) -> None:
        """The form for a benchmark of a server."""
        ...


class CommandRunner(Protocol):
    """Runs commands from any origin."""

    def perform(self, command: Command, context: Context) -> None:
        """Run it, or show why not."""
        ...

    def wait_for(self, waiting: Awaitable[None], called: str) -> None:
        """Wait in the background for what leads elsewhere; its failure is shown. A later one takes its place, which is
        reported by the name that it is ``called``.
        """
        ...

    def finish(self, waiting: Awaitable[None]) -> None:
        """Finish in the background what makes or records something, whatever is started meanwhile."""
        ...


class Desk(Protocol):
    """The console as its parts."""

    @property
    def session(self) -> Session: ...

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest one."""
        ...

    @property
    def since(self) -> SinceTracker: ...

    @property
    def options(self) -> Options: ...

    @property
    def read_only(self) -> bool: ...

    @property
    def navigator(self) -> Navigator: ...

    @property
    def pages(self) -> Pages: ...

    @property
    def scope(self) -> ViewScope: ...

    @property
    def line(self) -> LineController: ...

    @property
    def commands(self) -> CommandRunner: ...

    @property
    def actions(self) -> ActionController: ...

    @property
    def local(self) -> LocalController: ...

    @property
    def local_pages(self) -> LocalPages: ...

    def leave(self) -> None:
        """End the program; asks first while actions are under way."""
        ...
