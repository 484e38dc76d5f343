"""The desk: what the screens and the commands ask of the console, carried out on the app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from console.app.local_desk import LocalDesk
from console.commands.command import Command, Context, ScreenId
from console.commands.dispatch import disabled, refusal, run
from console.commands.line import UnknownCommandError, complete, parse_line
from console.commands.palette import Palette
from console.commands.table import TABLE
from console.config.options import Options
from console.screens.base import ConsoleScreen, failure_text
from console.session.failure import SessionError
from console.session.protocol import Session
from console.views.since import SinceTracker
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot
from themes.palette import Role

if TYPE_CHECKING:
    from textual.app import App

    from console.screens.console import Console
    from console.session.local.protocol import Looked
    from console.session.protocol import Changed
    from widgets.prompt import History, Kind


class ConsoleDesk(LocalDesk):
    """Implements console.screens.console.Console: the newest Snapshot, what was seen before, and every command.

    Screens other than the first are imported when they are opened: the first frame does not wait for them.
    """

    def __init__(self, app: App[None], session: Session, options: Options, changed: Changed, looked: Looked) -> None:
        super().__init__(app, changed, looked)
        self.session = session
        self.snapshot: Snapshot | None = None
        self.since = SinceTracker()
        self._options = options
        self._asked: Kind | None = None
        self._amount: tuple[str, int, Callable[[int], None]] | None = None
        self._histories: dict[Kind, History] | None = None
        self._recent: list[str] = []
        """Namespaces, the one looked at last first."""

    def show(self, snapshot: Snapshot) -> None:
        """A new Snapshot: to the screen in front, and kept for those that come to the front later."""
        first = self.snapshot is None
        if self.snapshot is not None and self.snapshot.cluster.context != snapshot.cluster.context:
            # Another cluster: nothing that was seen in the other one says anything about it.
            self.since = SinceTracker()
        self.snapshot = snapshot
        self.since.observe(snapshot.everything)
        front = self.front
        if front is not None:
            front.show(snapshot)
        servers = self._options.servers
        if first and servers is not None and any(servers.glob("*/record.json")):
            # Adopted: one that died while nobody looked is told of, and of those that live when they do.
            self.look_here()

    @property
    def _console(self) -> Console:
        return self

    # Console: what the screens ask

    @property
    def read_only(self) -> bool:
        return self._options.read_only or (self.snapshot is not None and self.snapshot.cluster.read_only)

    @property
    def production(self) -> Sequence[str]:
        return self._options.production

    @property
    def keymap(self) -> Mapping[str, str]:
        return self._options.keymap

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
        self._app.run_worker(self._finish(waiting), group="command", exclusive=True, exit_on_error=False)

    async def _finish(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except SessionError as error:
            self.say(error.in_a_line, Role.ERROR)

    def say_failure(self, error: BaseException | None) -> None:
        """Say that a command failed as nobody foresaw."""
        self.say(failure_text(error), Role.ERROR)

    @property
    def front(self) -> ConsoleScreen | None:
        """The nearest of our screens, below dialogs such as the palette."""
        return self._screens[-1] if self._screens else None

    @property
    def _screens(self) -> list[ConsoleScreen]:
        """Ours, the fleet first; below them is the first frame, above them may be a dialog."""
        return [screen for screen in self._app.screen_stack if isinstance(screen, ConsoleScreen)]

    # Desk: what commands ask

    def go_back(self) -> None:
        if len(self._screens) > 1:
            self._app.pop_screen()
        else:
            self.say(":q or ctrl-c quits")

    def go_home(self) -> None:
        while len(self._screens) > 1:
            self._app.pop_screen()

    def suspend(self) -> None:
        self._app.action_suspend_process()

    def narrow(self, text: str) -> None:
        problem = self.front.narrow(text) if self.front is not None else None
        if problem is not None:
            self.say(problem, Role.WARNING)

    def refresh_now(self) -> None:
        self.session.refresh()

    def ask_command(self) -> None:
        self._open_prompt(":")

    def ask_filter(self) -> None:
        self._open_prompt("/")

    def _open_prompt(self, kind: Kind) -> None:
        self._asked = kind
        self._app.call_later(self.open_line)

    async def open_line(self) -> None:
        """Open the line that was asked for, if it is not open already.

        The key that asks for it waits for this, so that the keys behind it find the line open; who asks without a key
        (the palette) need not wait.
        """
        kind, self._asked = self._asked, None
        amount, self._amount = self._amount, None
        if self.front is None:
            return
        if kind is not None:
            await self.front.open_prompt(kind)
        elif amount is not None:
            await self.front.open_amount(*amount)

    def ask_amount(self, label: str, current: int, choose: Callable[[int], None]) -> None:
        self._amount = (label, current, choose)
        self._app.call_later(self.open_line)

    def histories(self) -> dict[Kind, History]:
        from widgets.prompt import new_histories

        if self._histories is None:
            self._histories = new_histories()
        return self._histories

    def complete(self, kind: Kind, text: str) -> Sequence[str]:
        if kind == "/":
            return ()
        servers, presets = [server.name for server in self.servers], self.known_presets()
        return complete(text, self.known_namespaces(), self.session.contexts(), servers, presets)

    def run_line(self, text: str, context: Context) -> None:
        try:
            typed = parse_line(text)
        except UnknownCommandError as error:
            self.say(str(error), Role.WARNING)
            return
        if typed is not None:
            self.perform(typed.command, context._replace(argument=typed.argument))

    def open_palette(self) -> None:
        if self.front is not None:
            self._app.push_screen(Palette(self, self.front.context()))

    def open_help(self) -> None:
        from console.screens.reading import HelpScreen

        front = self.front
        if front is not None and front.where is not ScreenId.HELP:
            commands = tuple(c for c in TABLE if not (c.dangerous and self.read_only))
            lacking = disabled(commands, front.context(), read_only=self.read_only)
            self._app.push_screen(HelpScreen(self, front.where, commands, lacking))

    def open_sources(self) -> None:
        from console.screens.reading import SourcesScreen

        self._open(SourcesScreen(self))

    def open_joins(self) -> None:
        from console.screens.joins import JoinsScreen

        self._open(JoinsScreen(self))

    def open_audit(self) -> None:
        from console.screens.audit import AuditScreen

        folder = self._options.audit_here if self.looks_here else None
        folder = folder or self._options.audit
        if folder is None:
            self.say("this console has no audit log")
        else:
            self._open(AuditScreen(self, folder))

    def open_detail(self, key: str) -> None:
        from console.screens.detail import DetailScreen
        from console.views.subject import pod_for

        snapshot = self.snapshot
        if snapshot is not None and key not in snapshot.workloads:
            # A GPU stands for the pod that holds it.
            key = pod_for(snapshot.everything, key) or key
        self._app.push_screen(DetailScreen(self, key))

    def open_nodes(self, key: str | None) -> None:
        from console.screens.nodes import NodesScreen

        self._open(NodesScreen(self, key))

    def open_logs(self, pod: str, *, previous: bool) -> None:
        from console.screens.logs import LogsScreen

        found = self.snapshot.pods.get(pod) if self.snapshot is not None else None
        if found is not None:
            self._app.push_screen(LogsScreen(self, found, previous=previous))

    def open_describe(self, ref: ObjectRef) -> None:
        from console.screens.text import TextScreen

        self._app.push_screen(TextScreen(self, f"describe {ref}", partial(self.session.describe, ref)))

    def open_yaml(self, ref: ObjectRef) -> None:
        from console.screens.text import TextScreen

        self._app.push_screen(TextScreen(self, f"yaml {ref}", partial(self.session.yaml, ref)))

    def choose_namespace(self) -> None:
        from console.screens.choice import ChoiceScreen

        async def read() -> list[tuple[str, str]]:
            return [("", "all namespaces"), *((name, name) for name in await self.session.namespaces())]

        def choose(name: str) -> None:
            self._wait_for(self.switch(namespace=name))

        self._app.push_screen(ChoiceScreen(self, "namespace", read, self.session.namespace, choose))

    def choose_context(self) -> None:
        from console.screens.choice import ChoiceScreen

        async def read() -> list[tuple[str, str]]:
            return [(name, name) for name in self.session.contexts()]

        def choose(name: str) -> None:
            self._wait_for(self.switch(context=name))

        self._app.push_screen(ChoiceScreen(self, "context", read, self.session.context, choose))

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        if context is not None and not self.may_switch():
            return
        self.say(f"looking at {context if context is not None else namespace or 'all namespaces'} …")
        if context is None:
            # Before the view changes: what goes out of it is not gone, and no screen but the first would say so.
            self.go_home()
        await self.session.switch(context=context, namespace=namespace)
        if namespace:
            self._recent = [namespace, *(name for name in self._recent if name != namespace)]
        if context is not None:
            self._recent = []
        self.go_home()

    async def switch_to_favourite(self, number: int) -> None:
        known = self.known_namespaces()
        if number > len(known):
            self.say(f"no namespace {number}; n lists them")
        else:
            await self.switch(namespace=known[number - 1])

    def known_namespaces(self) -> list[str]:
        """Those looked at last, then those of pods, by name."""
        pods = self.snapshot.everything.pods.values() if self.snapshot is not None else ()
        return list(dict.fromkeys([*self._recent, *sorted({pod.namespace for pod in pods})]))

    def _open(self, screen: ConsoleScreen) -> None:
        """Show a screen of which there is one: in place of another of its kind."""
        front = self.front
        if front is not None and front.where is screen.where:
            self._app.pop_screen()
        self._app.push_screen(screen)
