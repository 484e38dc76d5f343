"""The frame that every screen has: header, what is out, body, messages, keys; and how a Snapshot gets into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.keys import key_to_character
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from console.commands.command import OWN, Command, Context, ScreenId
from console.commands.desk import Toggle
from console.commands.dispatch import offered, refusal
from console.commands.habits import habit
from console.commands.keys import key_text, keys_of
from console.commands.table import BY_ID, bound_on
from console.screens.console import Console
from console.screens.lines import Lines
from console.views.header import header_model, outages
from console.views.subject import ref_of
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.header import Header, HeaderModel
from widgets.keybar import Hint, Keybar
from widgets.message_line import MessageLine

if TYPE_CHECKING:
    from textual.worker import WorkType

    from widgets.field import Field
    from widgets.prompt import Kind, Prompt

_OUTAGES = 4
"""Lines for what is wrong with the sources; the screen of sources has all of it."""
_TALL = 20
"""Lines of a screen from which on there are more than one for it."""
_LAST = frozenset({"console.help", "console.back"})


def bindings_of(where: ScreenId) -> list[BindingType]:
    """The keys of a screen, from the table. Remapping goes through the ids (App.set_keymap)."""
    return [
        Binding(",".join(command.keys), f"command('{command.id}')", command.title, show=False, id=command.id)
        for command in bound_on(where)
    ]


def failure_text(error: BaseException | None) -> str:
    """A bug in one line."""
    return f"unexpected {type(error).__name__}: {error}; please report this"


class ConsoleScreen(Screen[None]):
    """A subclass says what it shows (``where``), composes its ``body``, and draws a Snapshot in ``draw``.

    Only the screen in front draws; one that comes to the front draws the newest Snapshot.
    """

    where: ClassVar[ScreenId]

    DEFAULT_CSS = """
    ConsoleScreen {
        layout: vertical;
    }
    ConsoleScreen #outages {
        height: auto;
        display: none;
    }
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.desk = console
        self._header = Header(self._header_model())
        self._outages = Lines(id="outages")
        self._messages = MessageLine()
        self._keybar = Keybar(*self._hints())
        self._drawn: Snapshot | None = None
        self._prompt: Prompt | None = None
        self._before = ""
        """The filter in force when the line was opened."""
        self._asked_of: Context | None = None
        """What was under the cursor then."""
        self._amount: Field | None = None
        self._choose_amount: Callable[[int], None] = lambda _: None

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._outages
        yield from self.body()
        yield self._messages
        yield self._keybar

    # what a subclass says

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
    def marked(self) -> tuple[str, ...]:
        """Keys of the rows that are marked, in the order of the screen."""
        return ()

    # what the app asks

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
        """Something is new of the vLLM servers of this machine."""
        self.show_keys()

    def _show_outages(self, snapshot: Snapshot, width: int, height: int) -> None:
        lines = outages(snapshot, width, self._outages.glyphs)[: _OUTAGES if height >= _TALL else 1]
        self._outages.styles.height = len(lines)
        self._outages.display = bool(lines)
        self._outages.show(lambda _width, _glyphs: lines)

    def on_resize(self, event: events.Resize) -> None:
        if self._drawn is not None:
            self._show_outages(self._drawn, *event.size)

    def context(self, argument: str = "") -> Context:
        """What a command is told: this screen, and what is under the cursor now."""
        snapshot, subject = self.desk.snapshot, self.subject
        target = ref_of(snapshot, subject) if snapshot is not None and subject is not None else None
        desk = self.desk
        return Context(self.where, self, snapshot, subject, target, argument, self.marked, desk.acting, desk.servers)

    def say(self, text: str, role: Role = Role.TEXT) -> None:
        """Say it below the body."""
        self._messages.say(text, role)

    @property
    def said(self) -> str:
        """What the message line says."""
        return self._messages.text

    def show_keys(self) -> None:
        """Show the keys that do something here and now."""
        self._keybar.show(self._hints())

    def beside(self, work: Callable[[], Awaitable[None]], group: str) -> None:
        """Do it beside the keys; a later one of the group takes its place. What it does not foresee is said.

        The function and not its coroutine: a screen that is closed before this is begun leaves no loose end.
        """
        self.run_worker(cast("WorkType[None]", work), group=group, exclusive=True, exit_on_error=False)

    # the line for commands, filters and searches

    @property
    def narrowed(self) -> str:
        """The filter or the search in force, as it was typed."""
        return ""

    def narrow(self, text: str) -> str | None:
        """Filter by, or search for, a text; returns what is wrong with it, None for nothing."""
        del text
        return None

    async def open_prompt(self, kind: Kind) -> None:
        """Open the line; a filter starts as what is in force."""
        if self._prompt is None:
            # Importing the line takes a tenth of the time to the first frame, which does without it.
            from widgets.prompt import Prompt

            self._prompt = Prompt(self.desk.complete, histories=self.desk.histories())
            await self.mount(self._prompt, before=self._keybar)
        self._asked_of = self.context()
        self._before = self.narrowed
        self._prompt.open(kind, self._before if kind == "/" else "")

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        if message.kind == "/" and self.narrows_at_once:
            self.narrow(message.text)

    def on_prompt_cancelled(self, message: Prompt.Cancelled) -> None:
        if message.kind == "/" and self.narrows_at_once:
            self.narrow(self._before)
        self._focus_body()

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        self._focus_body()
        if message.kind == ":":
            # What was under the cursor when the line was opened is what is meant, whatever has happened since.
            asked_of = self._asked_of
            known = asked_of is not None and asked_of.snapshot is not None
            self.desk.run_line(message.text, asked_of if asked_of is not None and known else self.context())
            return
        problem = self.narrow(message.text)
        if problem is not None:
            self.say(problem, Role.WARNING)

    async def open_amount(self, label: str, current: int, choose: Callable[[int], None]) -> None:
        """Ask for a number in a line that starts as ``current``: up and down count, typing replaces it."""
        if self._amount is None:
            from widgets.field import Field

            self._amount = Field(label, number=True, id="amount")
            await self.mount(self._amount, before=self._keybar)
        self._choose_amount = choose
        self._amount.relabel(f"{label}: now {current}, up and down count, enter plans it ")
        self._amount.offer(current)
        self._amount.display = True
        self._amount.take_focus()

    def on_field_entered(self, message: Field.Entered) -> None:
        if message.field is not self._amount:
            return
        text = message.field.value
        self._close_amount()
        if text:
            self._choose_amount(int(text))

    def on_field_given_up(self, message: Field.GivenUp) -> None:
        if message.field is self._amount:
            self._close_amount()

    def _close_amount(self) -> None:
        if self._amount is not None:
            self._amount.display = False
            self._focus_body()

    narrows_at_once: ClassVar[bool] = False
    """True where a filter takes effect while it is typed."""

    def _focus_body(self) -> None:
        """Give the keys back to the body: the first of its widgets that takes them."""
        lines = (self._prompt, self._amount)
        body = (w for w in self.focus_chain if not any(line in w.ancestors for line in lines if line is not None))
        self.set_focus(next(body, None))

    # View: what commands ask

    def sort(self, column: str) -> None:
        """This screen has no columns."""

    def toggle(self, switch: Toggle) -> None:
        """This screen has no switches."""

    def step_match(self, step: int) -> None:
        """There is nothing to search in."""

    def next_container(self) -> None:
        """There are no containers."""

    def clear(self) -> None:
        """There is no log."""

    def read_since(self, seconds: int) -> None:
        """There is no log."""

    def take(self, number: int) -> None:
        """There are no alternatives."""

    def stop_action(self) -> None:
        """There is no action."""

    def plan_again(self) -> None:
        """There is no plan."""

    def submit(self) -> None:
        """There is no form."""

    def back(self) -> bool:
        return False

    # keys

    async def action_command(self, id: str) -> None:  # noqa: A002 - the command's
        """A key of the table was pressed. What it opens is open before the next key is looked at."""
        self.desk.perform(BY_ID[id], self.context())
        await self.desk.open_line()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In read-only mode the keys of what changes the cluster are not bound at all."""
        if action == "command" and self.desk.read_only and BY_ID[str(parameters[0])].dangerous:
            return False
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """A key that nothing is bound to: who knows it from elsewhere is told what to do instead, or why it is not."""
        # Of a line that is typed into, a key that is bound comes by here before it is looked up.
        bound = event.key in self.active_bindings
        words = None if bound else self._instead(event.key)
        if words is not None and not (self._prompt is not None and self._prompt.has_focus_within):
            event.stop()
            self.say(words)

    def _instead(self, key: str) -> str | None:
        """What is said of a key that nothing is bound to now; None for nothing."""
        read_only = self.desk.read_only
        known = habit(key, read_only=read_only)
        # The habits are of clusters: on the screens of this machine's servers their keys mean other things.
        if not read_only or (known is not None and self.where not in OWN):
            return known
        own = (c for c in bound_on(self.where) if c.dangerous and key in keys_of(c, self.desk.keymap))
        return next((refusal(c, self.context(), read_only=True) for c in own), known)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What a read beside the screen did not foresee is a bug: it is said, and the console goes on."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self.say(failure_text(event.worker.error), Role.ERROR)

    def on_screen_resume(self) -> None:
        snapshot = self.desk.snapshot
        if snapshot is not None and snapshot is not self._drawn:
            self.show(snapshot)

    def _header_model(self) -> HeaderModel:
        session = self.desk.session
        return header_model(
            self.desk.snapshot,
            session.context,
            session.namespace,
            read_only=self.desk.read_only,
            production=self.desk.production,
            under_way=self.desk.under_way,
        )

    def _hints(self) -> list[Hint]:
        context = self.context()
        commands = offered(bound_on(self.where), context, read_only=self.desk.read_only)
        heard = ((command, self._first_heard(command)) for command in commands if command.hint)
        return [Hint(key_text(key), command.hint, command.id in _LAST) for command, key in heard if key]

    def _first_heard(self, command: Command) -> str:
        """The first key of a command that the line with the focus does not take for text; empty where there is none."""
        line, keys = self.focused, keys_of(command, self.desk.keymap)
        return next((key for key in keys if line is None or not line.check_consume_key(key, key_to_character(key))), "")

    def on_descendant_focus(self) -> None:
        self.show_keys()

    def on_descendant_blur(self) -> None:
        self.show_keys()
