"""The palette (ctrl-p): every command of the table that can run here, by its title."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar, Protocol

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.commands.command import Command, Context
from console.commands.dispatch import offered
from console.commands.keys import key_text, keys_of
from console.commands.table import commands_for


class Front(Protocol):
    """What the palette needs of the desk: the screen below it, and a way to run what is chosen."""

    @property
    def front(self) -> Below | None: ...

    @property
    def read_only(self) -> bool: ...

    @property
    def keymap(self) -> Mapping[str, str]: ...

    def perform(self, command: Command, context: Context) -> None: ...


class Below(Protocol):
    """The screen below the palette."""

    def context(self) -> Context: ...


class TableProvider(Provider):
    """Offers what is available for the object under the cursor of the screen below the palette."""

    desk: ClassVar[Front]

    async def discover(self) -> Hits:
        for command, help_text, context in self._commands():
            yield DiscoveryHit(command.title, partial(self.desk.perform, command, context), help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command, help_text, context in self._commands():
            score = max(matcher.match(text) for text in (command.title, *command.names))
            if score > 0:
                run = partial(self.desk.perform, command, context)
                yield Hit(score, matcher.highlight(command.title), run, text=command.title, help=help_text)

    def _commands(self) -> Iterator[tuple[Command, str, Context]]:
        front = self.desk.front
        if front is None:
            return
        context = front.context()
        for command in offered(commands_for(context.where), context, read_only=self.desk.read_only):
            keys = " ".join(key_text(key) for key in keys_of(command, self.desk.keymap))
            names = " ".join(f":{name}" for name in command.names)
            yield command, "   ".join(part for part in (keys, names) if part), context


def table_provider(desk: Front) -> type[Provider]:
    """The provider for a desk; Textual wants a class."""
    return type("DeskProvider", (TableProvider,), {"desk": desk})
