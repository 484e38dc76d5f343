"""The frame of every screen: header, outages, body, messages, keys; and how a Snapshot is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, ParamSpec, Protocol, TypedDict

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from console.commands.capabilities import Markable
from console.commands.command import OWN, STAYING, Command, Context, ScreenId
from console.commands.desk import Desk
from console.commands.dispatch import refusal, runnable
from console.commands.k9s_hints import habit
from console.commands.keys import key_text, keys_of
from console.commands.table import BY_ID, bound_on, by_name
from console.screens.entry_line import EntryLine
from console.screens.lines import Lines
from console.views.header import header_model, outages
from console.views.moment_words import moment_in_words
from console.views.subject import ref_of
from fleet.model.in_past import is_past
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.header import Header, HeaderModel
from widgets.key_bar import Hint, Keybar
from widgets.message_line import MessageLine

if TYPE_CHECKING:
    from fleet.model.objects import ClusterId

_NAMED = re.compile(r"(?<!\S):([a-z][a-z-]+)\b")
_MOVING = frozenset(
    {"up", "down", "left", "right", "home", "end", "pageup", "pagedown", "tab", "shift+tab", "enter", "escape", "space"}
)
"""Keys that do something where there is something to move in."""
_LAST = frozenset({"console.help", "console.back"})


class _Worker(TypedDict):
    exclusive: bool
    exit_on_error: bool


BESIDE: Final[_Worker] = {"exclusive": True, "exit_on_error": False}
"""Options of a background worker: a later one of its group replaces it, and unexpected errors are shown. A screen that
is closed before it has begun leaves no pending task.
"""
_P = ParamSpec("_P")


class _Beside(Protocol):
    def __call__(self, method: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, Worker[None]]: ...


def background(group: str) -> _Beside:
    """Decorate a method of a screen that runs in the background."""

    def decorated(method: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, Worker[None]]:
        return work(method, group=group, **BESIDE)

    return decorated


def bindings_of(where: ScreenId) -> list[BindingType]:
    """Return the key bindings of a screen, from the table. Remapping uses the ids (App.set_keymap)."""
    return [
        Binding(",".join(command.keys), f"command('{command.id}')", command.title, show=False, id=command.id)
        for command in bound_on(where)
    ]


def failure_text(error: BaseException | None) -> str:
    """A bug in one line."""
    return f"unexpected {type(error).__name__}: {error}; please report this"


def _nothing(event: events.Key) -> str | None:
    """Return the hint for a key that does nothing; None for those that move or leave."""
    if event.key in _MOVING:
        return None
    named = len(event.key) > 1 and event.is_printable and event.character is not None
    return f"{event.character if named else key_text(event.key)} does nothing here; ? lists the keys"


class ConsoleScreen(Screen[None]):
    """Base of all screens. A subclass says what it shows (``where``), composes its ``body``, and draws a Snapshot in
    ``draw``.

    Only the front screen draws; one that comes to the front draws the newest Snapshot.
    """

    where: ClassVar[ScreenId]
    BLANK = True
    """Textual's: the screen itself draws nothing, since its widgets cover it."""

    DEFAULT_CSS = """
    ConsoleScreen {
        layout: vertical;
    }
    ConsoleScreen #outages {
        height: auto;
        display: none;
    }
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._header = Header(self._header_model())
        self._outages = Lines(id="outages")
        self._messages = MessageLine()
        self._keybar = Keybar(*self._hints())
        self._drawn: Snapshot | None = None
        seen = None if self.where in STAYING else desk.snapshot
        self._cluster = seen.cluster.id if seen is not None else None
        self.entry = EntryLine(self, desk)

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._outages
        yield from self.body()
        yield self._messages
        yield self.entry
        yield self._keybar

    def on_unmount(self) -> None:
        """Drop the Snapshot: the screen is part of cycles, which are collected late."""
        self._drawn = None

    # defined by subclasses

    def body(self) -> Iterable[Widget]:
        """The widgets between header and messages."""
        raise NotImplementedError

    def draw(self, snapshot: Snapshot) -> None:
        """Show a Snapshot: each widget compares it with what it shows."""

    @property
    def subject(self) -> str | None:
        """The key of the object under the cursor."""
        return None

    @property
    def cluster(self) -> ClusterId | None:
        """The cluster of the screen: selecting another closes it. None if it depends on none."""
        return self._cluster

    # used by the app

    def show(self, snapshot: Snapshot) -> None:
        """A new Snapshot, while this screen is in front."""
        self._drawn = snapshot
        self._header.show(self._header_model())
        self._show_outages(snapshot, *self.size)
        self.draw(snapshot)
        self.show_keys()

    def show_action_runs(self) -> None:
        """An action has come on, or is over."""
        self._header.show(self._header_model())
        self.show_keys()

    def show_servers(self) -> None:
        """Something is new of the vLLM servers on this machine."""
        self.show_keys()

    def _show_outages(self, snapshot: Snapshot, width: int, height: int) -> None:
        lines = outages(snapshot, width, height, self._outages.glyphs)
        self._outages.styles.height = len(lines)
        self._outages.display = bool(lines)
        self._outages.show(lambda _width, _glyphs: lines)

    def on_resize(self, event: events.Resize) -> None:
        if self._drawn is not None:
            self._show_outages(self._drawn, *event.size)

    def context(self, argument: str = "") -> Context:
        """Return the context of a command: this screen, and the object under the cursor."""
        snapshot, subject = self.desk.snapshot, self.subject
        target = ref_of(snapshot, subject) if snapshot is not None and subject is not None else None
        acting, servers = self.desk.actions.service, self.desk.local.states
        marked = self.marked if isinstance(self, Markable) else ()
        return Context(self.where, self, snapshot, subject, target, argument, marked, acting, servers)

    def say(self, text: str, role: Role = Role.TEXT, *, is_event: bool = False) -> None:
        """Show a message below the body; the next key hides it unless it is an error or an event."""
        self._messages.say(text, role, is_event=is_event)

    @property
    def message_text(self) -> str:
        """The text of the message line."""
        return self._messages.text

    def show_keys(self) -> None:
        """Show the keys that do something here and now."""
        self._keybar.show(self.entry.hints() or self._hints())

    def focus_body(self) -> None:
        """Give the keys back to the body: the first of its widgets that takes them."""
        self.set_focus(next((w for w in self.focus_chain if self.entry not in w.ancestors), None))

    # keys

    def action_command(self, id: str) -> None:  # noqa: A002 - the command's
        """A key of the table was pressed."""
        self.desk.commands.perform(BY_ID[id], self.context())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Allow an action. In read-only mode the keys of changes are not bound at all."""
        if action == "command" and self.desk.read_only and BY_ID[str(parameters[0])].dangerous:
            return False
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """Show the hint for an unbound key that users know from other tools."""
        # A bound key passes here before look-up while a line is being typed.
        bound = event.key in self.active_bindings
        words = None if bound else self._hint_for(event.key) or _nothing(event)
        if words is not None and not self.entry.is_typed_into:
            event.stop()
            self.say(words)

    def _hint_for(self, key: str) -> str | None:
        """Return the hint for a currently unbound key; None if there is none."""
        past = is_past(self.desk.snapshot)
        read_only = self.desk.read_only
        known = habit(key, read_only=read_only and not past)
        # The habits apply to clusters: on the screens of local servers their keys have other meanings.
        if not read_only or (known is not None and self.where not in OWN and not past):
            return known
        own = (c for c in bound_on(self.where) if c.dangerous and key in keys_of(c, self.desk.options.keymap))
        return next((refusal(c, self.context(), read_only=True) for c in own), known)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Report a failed worker. An unexpected error of a background read is a bug: the console continues."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self.say(failure_text(event.worker.error), Role.ERROR)

    def on_screen_resume(self) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and snapshot is not self._drawn:
            self.show(snapshot)

    def _header_model(self) -> HeaderModel:
        session, snapshot = self.desk.session, self.desk.snapshot
        way_back = "esc now" if self.where is ScreenId.FLEET else ":now"
        moment = moment_in_words(snapshot, session.now, way_back)
        return header_model(
            snapshot,
            session.context,
            session.namespace,
            read_only=self.desk.options.read_only if moment else self.desk.read_only,
            moment=moment,
            production=self.desk.options.production,
            under_way=self.desk.actions.under_way,
            may_act=self.desk.actions.may_act(),
        )

    def _hints(self) -> list[Hint]:
        context = self.context()
        hinted = [command for command in bound_on(self.where) if command.hint or self.where in command.hints]
        commands = runnable(hinted, context, read_only=self.desk.read_only)
        heard = ((command, self._first_heard(command)) for command in commands)
        hints = [
            Hint(key_text(key), command.hints.get(self.where, command.hint), command.id in _LAST, command.id)
            for command, key in heard
            if key
        ]
        # What a new user presses first is not among those that there is no room for.
        return sorted(hints, key=lambda hint: hint.key != "enter")

    def _first_heard(self, command: Command) -> str:
        """The first key of a command that the line with the focus does not take for text; empty where there is none."""
        line, keys = self.focused, keys_of(command, self.desk.options.keymap)
        return next((key for key in keys if line is None or not line.check_consume_key(key, key_to_character(key))), "")

    def on_keybar_picked(self, message: Keybar.Picked) -> None:
        self.action_command(message.id)

    def on_click(self, event: events.Click) -> None:
        """A command that is named on the screen, such as ``:joins``, is run where it only opens something."""
        # The position of an event that bubbled up from a widget is relative to that widget.
        widget, region = self.get_widget_at(event.screen_x, event.screen_y)
        if isinstance(widget, Header):
            # The state of the sources is at its right end; what is said of them in full is a page.
            if event.screen_x >= region.x + region.width // 2:
                self.desk.line.run("sources", self.context())
            return
        if not isinstance(widget, Lines | MessageLine):
            return
        x, y = event.screen_x - region.x, event.screen_y - region.y
        text = widget.shown_text[y] if 0 <= y < len(widget.shown_text) else ""
        for found in _NAMED.finditer(text):
            command = by_name(found[1], self.where)
            if found.start() <= x < found.end() and command is not None and command.id.startswith("open."):
                event.stop()
                self.desk.line.run(found[1], self.context())

    def on_descendant_focus(self) -> None:
        self.show_keys()

    def on_descendant_blur(self) -> None:
        self.show_keys()
