"""The Textual app: the newest Snapshot to the screen in front, commands from the table, nothing heavy at the start."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.message import Message
from textual.screen import Screen

from console.commands.command import Command, Context, Where
from console.commands.dispatch import refusal, run
from console.commands.keys import textual_keymap
from console.commands.line import UnknownCommandError, complete, parse_line
from console.commands.palette import TableProvider
from console.screens.base import ConsoleScreen
from console.screens.fleet import FleetScreen
from console.session import Session, SessionError
from console.views.since import SinceTracker
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot
from themes.look import look
from themes.palette import Role
from themes.textual_themes import STYLESHEET, register

if TYPE_CHECKING:
    from widgets.prompt import History, Kind


@dataclass(frozen=True, slots=True)
class Options:
    """How the console is to be; the look (theme, glyphs) is decided before (themes.look.use)."""

    read_only: bool = False
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Command id → keys, checked by console.commands.keys.check_keymap."""


class SnapshotArrived(Message):
    """A new Snapshot. One that is not handled when the next one comes is dropped: a slow terminal never queues."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotArrived)


class QuarterdeckApp(App[None]):
    """The console on one session."""

    TITLE = "Quarterdeck"
    CSS_PATH: ClassVar[str] = str(STYLESHEET)
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "leave", "Quit", show=False, priority=True, id="console.quit"),
    ]

    def __init__(self, session: Session, options: Options = Options()) -> None:
        super().__init__(ansi_color=True)
        self.session = session
        self.options = options
        self.snapshot: Snapshot | None = None
        self.since = SinceTracker()
        self._histories: dict[Kind, History] | None = None
        self._recent: list[str] = []
        """Namespaces, the one looked at last first."""
        register(cast("App[object]", self))
        self.theme = look().theme
        self.set_keymap(textual_keymap(options.keymap))

    # Console: what the screens ask

    @property
    def read_only(self) -> bool:
        return self.options.read_only or (self.snapshot is not None and self.snapshot.cluster.read_only)

    @property
    def keymap(self) -> Mapping[str, str]:
        return self.options.keymap

    def say(self, text: str, role: Role = Role.TEXT) -> None:
        front = self.front
        if front is not None:
            front.say(text, role)

    def perform(self, command: Command, context: Context) -> None:
        reason = refusal(command, context, read_only=self.read_only)
        if reason is not None:
            self.say(reason, Role.WARNING)
            return
        waiting = run(command, self, context)
        if waiting is not None:
            self._wait_for(waiting)

    def _wait_for(self, waiting: Awaitable[None]) -> None:
        """Wait for what a command began outside of the key's turn; a later command takes its place."""
        self.run_worker(self._finish(waiting), group="command", exclusive=True, exit_on_error=False)

    async def _finish(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except SessionError as error:
            self.say_error(error)

    def say_error(self, error: SessionError) -> None:
        """Say what went wrong outside, and what to do."""
        self.say(f"{error.problem}; {error.remedy}" if error.remedy else error.problem, Role.ERROR)

    @property
    def front(self) -> ConsoleScreen | None:
        """The nearest of our screens, below dialogs such as the palette."""
        return next((s for s in reversed(self.screen_stack) if isinstance(s, ConsoleScreen)), None)

    # Textual

    def get_default_screen(self) -> Screen[None]:
        return FleetScreen(self)

    def on_mount(self) -> None:
        # After the first frame: a session imports what takes longer than the frame itself.
        self.call_after_refresh(self.session.start, self.deliver)

    async def on_unmount(self) -> None:
        await self.session.close()

    def deliver(self, snapshot: Snapshot) -> None:
        """A new Snapshot, from any thread; does not block."""
        self.post_message(SnapshotArrived(snapshot))

    def on_snapshot_arrived(self, message: SnapshotArrived) -> None:
        self.snapshot = message.snapshot
        self.since.observe(message.snapshot)
        front = self.front
        if front is not None:
            front.show(message.snapshot)

    def action_leave(self) -> None:
        self.leave()

    # Desk: what commands ask

    def leave(self) -> None:
        self.exit()

    def go_back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.say(":q or ctrl-c quits")

    def go_home(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def refresh_now(self) -> None:
        self.session.refresh()

    def ask_command(self) -> None:
        self._open_prompt(":")

    def ask_filter(self) -> None:
        self._open_prompt("/")

    def _open_prompt(self, kind: Kind) -> None:
        front = self.front
        if front is not None:
            self.call_later(front.open_prompt, kind)

    def histories(self) -> dict[Kind, History]:
        from widgets.prompt import new_histories

        if self._histories is None:
            self._histories = new_histories()
        return self._histories

    def complete(self, kind: Kind, text: str) -> Sequence[str]:
        if kind == "/":
            return ()
        return complete(text, self.known_namespaces(), self.session.contexts())

    def run_line(self, text: str, context: Context) -> None:
        try:
            typed = parse_line(text)
        except UnknownCommandError as error:
            self.say(str(error), Role.WARNING)
            return
        if typed is not None:
            self.perform(typed.command, context._replace(argument=typed.argument))

    def open_palette(self) -> None:
        self.push_screen(CommandPalette(providers=[TableProvider]))

    def open_help(self) -> None:
        from console.screens.reading import HelpScreen

        front = self.front
        if front is not None and front.where is not Where.HELP:
            self.push_screen(HelpScreen(self, front.where))

    def open_sources(self) -> None:
        from console.screens.reading import SourcesScreen

        self._open(SourcesScreen(self))

    def open_joins(self) -> None:
        from console.screens.joins import JoinsScreen

        self._open(JoinsScreen(self))

    def open_detail(self, key: str) -> None:
        from console.screens.detail import DetailScreen
        from console.views.subject import pod_for

        snapshot = self.snapshot
        if snapshot is not None and key not in snapshot.workloads:
            # A GPU stands for the pod that holds it.
            key = pod_for(snapshot, key) or key
        self.push_screen(DetailScreen(self, key))

    def open_nodes(self, key: str | None) -> None:
        from console.screens.nodes import NodesScreen

        self._open(NodesScreen(self, key))

    def open_logs(self, pod: str, *, previous: bool) -> None:
        from console.screens.logs import LogsScreen

        found = self.snapshot.pods.get(pod) if self.snapshot is not None else None
        if found is not None:
            self.push_screen(LogsScreen(self, found, previous=previous))

    def open_describe(self, ref: ObjectRef) -> None:
        from console.screens.text import TextScreen

        self.push_screen(TextScreen(self, f"describe {ref}", partial(self.session.describe, ref)))

    def open_yaml(self, ref: ObjectRef) -> None:
        from console.screens.text import TextScreen

        self.push_screen(TextScreen(self, f"yaml {ref}", partial(self.session.yaml, ref)))

    def choose_namespace(self) -> None:
        from console.screens.choice import ChoiceScreen

        async def read() -> list[tuple[str, str]]:
            return [("", "all namespaces"), *((name, name) for name in await self.session.namespaces())]

        def choose(name: str) -> None:
            self._wait_for(self.switch(namespace=name))

        self.push_screen(ChoiceScreen(self, "namespace", read, self.session.namespace, choose))

    def choose_context(self) -> None:
        from console.screens.choice import ChoiceScreen

        async def read() -> list[tuple[str, str]]:
            return [(name, name) for name in self.session.contexts()]

        def choose(name: str) -> None:
            self._wait_for(self.switch(context=name))

        self.push_screen(ChoiceScreen(self, "context", read, self.session.context, choose))

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        self.say(f"looking at {context if context is not None else namespace or 'all namespaces'} …")
        await self.session.switch(context=context, namespace=namespace)
        if namespace:
            self._recent = [namespace, *(name for name in self._recent if name != namespace)]
        if context is not None:
            # Another cluster: nothing that was seen in this one says anything about it.
            self._recent = []
            self.since = SinceTracker()
        self.go_home()

    async def switch_to_favourite(self, number: int) -> None:
        known = self.known_namespaces()
        if number > len(known):
            self.say(f"no namespace {number}; n lists them")
        else:
            await self.switch(namespace=known[number - 1])

    def known_namespaces(self) -> list[str]:
        """Those looked at last, then those of pods, by name."""
        pods = self.snapshot.pods.values() if self.snapshot is not None else ()
        return list(dict.fromkeys([*self._recent, *sorted({pod.namespace for pod in pods})]))

    def _open(self, screen: ConsoleScreen) -> None:
        """Show a screen of which there is one: in place of another of its kind."""
        front = self.front
        if front is not None and front.where is screen.where:
            self.pop_screen()
        self.push_screen(screen)
