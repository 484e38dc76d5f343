"""The Textual app: a first frame at once, then the newest Snapshot to the front screen.

The first frame waits for everything that this module imports, so it imports little: the screens, the model of the fleet
and the sources come when that frame is on the terminal.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.errors import NoWidget
from textual.geometry import Region
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from console.app.key_order import settled
from console.config.options import Options
from fleet.imports import imported
from themes.look import look
from themes.textual_themes import STYLESHEET, register

if TYPE_CHECKING:
    from textual.message_pump import MessagePump
    from textual.widget import Widget
    from textual.worker import WorkType

    from actions.running.action_run import ActionRun
    from console.app.desk import ConsoleDesk
    from console.screens.first_numbers import FirstNumbers
    from console.session.protocol import Session
    from fleet.model.snapshot import Snapshot

DESK: Final = "console.screens.fleet"
"""The module that imports all that the fleet screen needs."""
HEAD_START: Final = 0.002
"""Seconds of a thread before the next one imports: of that which writes the first frame, then of the sources."""
FIRST_WITHIN: Final = 0.3
"""Seconds that the import of the desk waits for the first Snapshot: both would share the interpreter."""


class SnapshotArrived(Message):
    """A new Snapshot. One that was not handled before the next one comes is dropped: a slow terminal never queues."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotArrived)


class ActionChanged(Message):
    """An action has a new state; None if only a permission has become known."""

    def __init__(self, action_run: ActionRun | None) -> None:
        super().__init__()
        self.action_run = action_run


class ServersChanged(Message):
    """Something is new of the vLLM servers on this machine. Many looks that wait to be shown are one."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ServersChanged)


class DeskOpened(Message):
    """The first screen of the desk is on the terminal."""


class _FirstText(Static):
    """A text that says when it is drawn for the first time."""

    def __init__(self, text: str, drawn: Callable[[], object]) -> None:
        super().__init__(text, markup=False)
        self._drawn: Callable[[], object] | None = drawn

    def render_lines(self, crop: Region) -> list[Strip]:
        drawn, self._drawn = self._drawn, None
        if drawn is not None:
            drawn()
        return super().render_lines(crop)


class Opening(Screen[None]):
    """The first frame. ``then`` is called once it is written: Textual's own callback comes a frame later."""

    def __init__(self, then: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._then = then

    def compose(self) -> ComposeResult:
        yield _FirstText(" connecting to the fleet", self._opens)

    def _opens(self) -> None:
        # A worker of the app, which continues to handle its messages. A timer of Textual's would be skipped for good
        # on a machine that stands still for as long as it takes, just while it starts.
        work: WorkType[None] = self._open_soon
        self.app.run_worker(work, name="open", group="open")

    async def _open_soon(self) -> None:
        await asyncio.sleep(HEAD_START)
        await self._then()


class QuarterdeckApp(App[None]):
    """The console on one session."""

    TITLE = "Quarterdeck"
    CSS_PATH: ClassVar[str] = str(STYLESHEET)
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", "Quit", show=False, priority=True, id="console.quit"),
    ]

    def __init__(self, session: Session, options: Options | None = None) -> None:
        super().__init__(ansi_color=True)
        self._session = session
        self._options = options or Options()
        self.desk: ConsoleDesk | None = None
        """The desk of the screens; None until the first of them is on the terminal."""
        self._early: Snapshot | None = None
        """The newest Snapshot that came before there was a screen to show it on."""
        self._typed: list[events.Key] = []
        """Keys that came before that."""
        self._first: FirstNumbers | None = None
        """The screen until the desk is imported; None before and after."""
        self._drawn = asyncio.Event()
        """A first Snapshot is on the terminal."""
        register(cast("App[object]", self))
        self.theme = look().theme
        self.set_class(look().glyphs.ascii, "-ascii")

    async def on_event(self, event: events.Event) -> None:
        """Handle keys one after the other, each after the effect of the previous one on the screen.

        Textual passes a key to the focused widget and looks for bindings when it comes back, by which time the next
        keys are on their way to that same widget: of ``:nodes``, typed faster than the line opens, ``n`` and ``d``
        would be commands, and of ``enter`` and ``:sources`` the line would be opened on the screen that ``enter``
        leaves. Over a slow link every burst of keys is typed that fast. So bindings come first here, except for keys
        that are text in an open line; and messages triggered by a key have arrived before the next key is handled.
        """
        if isinstance(event, events.Key) and not self.screen_stack:
            return  # The app is closing, and its screens are gone.
        if isinstance(event, events.Key) and not event.is_forwarded and (keys := self._apart(event)):
            for key in keys:
                await self.on_event(key)
            return
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self.desk is None:
                await self._keep_for_the_desk(event)
                return
            await self._type_kept()
            self.desk.navigator.forget_hints()
        if (
            isinstance(event, events.MouseDown | events.MouseScrollDown | events.MouseScrollUp)
            and self.desk is not None
        ):
            self.desk.navigator.forget_hints(self._at(event))
        if isinstance(event, events.Key) and not event.is_forwarded and not self._is_text(event):
            if await self._check_bindings(event.key, priority=True):
                return
            focused = self.focused
            if focused is not None and self._is_line(focused):
                await settled((focused,))
            receivers = self._key_receivers()
            if await self._check_bindings(event.key):
                await self._settle(receivers)
                return
        await super().on_event(event)

    def _apart(self, key: events.Key) -> Sequence[events.Key]:
        """Return the keys that a key with alt stands for; none for any other."""
        if not key.key.startswith("alt+"):
            return ()
        from console.app.alt_keys import apart

        return apart(key, in_line=self.focused is not None and self._is_line(self.focused))

    async def _keep_for_the_desk(self, key: events.Key) -> None:
        """Keep a key until there is a screen to type it on, except for one that leaves."""
        if not await self._check_bindings(key.key, priority=True):
            self._typed.append(key)

    async def _type_kept(self) -> None:
        kept, self._typed = self._typed, []
        for key in kept:
            await self.on_event(key)

    async def on_desk_opened(self) -> None:
        await self._type_kept()

    def _is_text(self, key: events.Key) -> bool:
        """True if the focused widget takes a key as text."""
        return self.focused is not None and self.focused.check_consume_key(key.key, key.character)

    def _at(self, event: events.MouseEvent) -> Widget | None:
        """Return the widget below the pointer."""
        try:
            return self.screen.get_widget_at(event.screen_x, event.screen_y)[0]
        except NoWidget:
            return None

    @staticmethod
    def _is_line(widget: Widget) -> bool:
        """True if a widget takes letters as text: pending letters are then handled before any other key."""
        return widget.check_consume_key("a", "a")

    def _key_receivers(self) -> list[MessagePump]:
        """Return the widgets that may have something to do for a key, from the focused one to its screen."""
        return [self.screen] if self.focused is None else [n for n in self.focused.ancestors_with_self if n is not self]

    async def _settle(self, receivers: list[MessagePump]) -> None:
        """Wait for these, for the screen that they opened, and for the line that they requested."""
        await settled(receivers)
        if self.screen not in receivers:
            await settled((self.screen,))
        if self.desk is not None:
            await self.desk.line.open_asked()

    def get_default_screen(self) -> Screen[None]:
        return Opening(self._open)

    async def _open(self) -> None:
        self._session.start(self.deliver)
        # The sources first: what they ask for is on its way while the screens are imported.
        await asyncio.sleep(HEAD_START)
        if DESK not in sys.modules and not self._options.view:
            await self._show_first_numbers()
        await asyncio.to_thread(imported, DESK)
        from console.app.desk import ConsoleDesk
        from console.commands.keys import textual_keymap
        from console.screens.fleet import FleetScreen

        self.set_keymap(textual_keymap(self._options.keymap))
        desk = ConsoleDesk(self, self._session, self._options, self.action_changed, self.servers_changed)
        if self._early is not None:
            # Before there is a screen: its first frame has it.
            desk.show(self._early)
        if self._first is None:
            await self.push_screen(FleetScreen(desk))
        else:
            await self.switch_screen(FleetScreen(desk))
        # From here on: a screen that is not composed yet can show nothing.
        self.desk, self._first = desk, None
        if self._early is not None:
            desk.show(self._early)
            self._early = None
        self.post_message(DeskOpened())

    async def _show_first_numbers(self) -> None:
        """Show the first Snapshot on a screen that is imported in half of the desk's time, and wait until it is drawn.

        A Snapshot that takes longer does not hold up the desk.
        """
        await asyncio.to_thread(imported, "console.screens.first_numbers")
        from console.screens.first_numbers import FirstNumbers

        where, options = self._session, self._options
        first = FirstNumbers(where.context, where.namespace, options.production, read_only=options.read_only)
        if self._early is not None:
            self._draw_first(first, self._early)
        await self.push_screen(first)
        self._first = first
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_WITHIN):
                await self._drawn.wait()

    def _draw_first(self, screen: FirstNumbers, snapshot: Snapshot) -> None:
        screen.show(snapshot, self.size)
        screen.call_after_refresh(self._drawn.set)

    async def on_unmount(self) -> None:
        await self._session.close()

    def deliver(self, snapshot: Snapshot) -> None:
        """A new Snapshot, from any thread; does not block."""
        self.post_message(SnapshotArrived(snapshot))

    def action_changed(self, action_run: ActionRun | None) -> None:
        """An action has come on, from any thread; does not block."""
        self.post_message(ActionChanged(action_run))

    def servers_changed(self) -> None:
        """Something is new of the servers on this machine, from any thread; does not block."""
        self.post_message(ServersChanged())

    def on_servers_changed(self) -> None:
        if self.desk is not None:
            self.desk.local.show(self.desk.actions.changing)

    def on_action_changed(self, message: ActionChanged) -> None:
        if self.desk is not None:
            self.desk.actions.show(message.action_run)

    async def action_quit(self) -> None:
        """Quit as ``:q`` does: it asks while actions are under way."""
        if self.desk is None:
            self.exit()
        else:
            self.desk.leave()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and self.desk is not None:
            self.desk.commands.say_failure(event.worker.error)

    def on_snapshot_arrived(self, message: SnapshotArrived) -> None:
        if self.desk is not None:
            self.desk.show(message.snapshot)
            return
        self._early = message.snapshot
        if self._first is not None:
            self._draw_first(self._first, message.snapshot)
