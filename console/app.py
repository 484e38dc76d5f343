"""The Textual app: the newest Snapshot to the screen in front, commands from the table, nothing heavy at the start."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from console.commands.command import Command, Context
from console.commands.dispatch import refusal, run
from console.commands.keys import textual_keymap
from console.screens.base import ConsoleScreen
from console.screens.fleet import FleetScreen
from console.session import Session, SessionError
from console.views.since import SinceTracker
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.look import look
from themes.palette import Role
from themes.textual_themes import STYLESHEET, register


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

    @property
    def glyphs(self) -> Glyphs:
        return look().glyphs

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
            self.run_worker(self._finish(waiting), group="command", exclusive=True, exit_on_error=False)

    async def _finish(self, waiting: Awaitable[None]) -> None:
        """Wait for a command outside of the key's turn, and say what went wrong."""
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

    def ask_command(self) -> None: ...

    def ask_filter(self) -> None: ...

    def open_palette(self) -> None: ...

    def open_help(self) -> None: ...

    def open_detail(self, key: str) -> None: ...

    def open_nodes(self, key: str | None) -> None: ...

    def open_sources(self) -> None: ...

    def open_joins(self) -> None: ...

    def open_logs(self, pod: str, *, previous: bool) -> None: ...

    def open_describe(self, ref: ObjectRef) -> None: ...

    def open_yaml(self, ref: ObjectRef) -> None: ...

    def choose_namespace(self) -> None: ...

    def choose_context(self) -> None: ...

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        await self.session.switch(context=context, namespace=namespace)

    async def switch_to_favourite(self, number: int) -> None: ...
