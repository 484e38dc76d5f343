"""The palette (ctrl-p): every command of the table that can run here, by its title; disabled ones with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import ClassVar, Protocol

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.commands.command import Command, Context
from console.commands.dispatch import disabled, offered
from console.commands.keys import key_text, keys_of
from console.commands.table import BY_ID, commands_for


class Front(Protocol):
    """What the palette needs of the desk: a way to run what is chosen."""

    @property
    def read_only(self) -> bool: ...

    @property
    def keymap(self) -> Mapping[str, str]: ...

    def perform(self, command: Command, context: Context) -> None: ...


class TableProvider(Provider):
    """Offers what is available for the object under the cursor of the screen below the palette."""

    desk: ClassVar[Front]
    context: ClassVar[Context]
    """The screen below the palette, and what was under its cursor when the palette was opened."""

    async def discover(self) -> Hits:
        for command, help_text in self._commands():
            yield DiscoveryHit(command.title, partial(self.desk.perform, command, self.context), help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command, help_text in self._commands():
            score = max(matcher.match(text) for text in (command.title, *command.names))
            if score > 0:
                run = partial(self.desk.perform, command, self.context)
                yield Hit(score, matcher.highlight(command.title), run, text=command.title, help=help_text)

    def _commands(self) -> Iterator[tuple[Command, str]]:
        here, read_only = commands_for(self.context.where), self.desk.read_only
        for command in offered(here, self.context, read_only=read_only):
            keys = " ".join(key_text(key) for key in keys_of(command, self.desk.keymap))
            names = " ".join(f":{name}" for name in command.names)
            yield command, "   ".join(part for part in (keys, names) if part)
        for id_, reason in disabled(here, self.context, read_only=read_only).items():
            yield BY_ID[id_], f"disabled: {reason}"


def table_provider(desk: Front, context: Context) -> type[Provider]:
    """The provider for a desk and the screen below the palette; Textual wants a class."""
    return type("DeskProvider", (TableProvider,), {"desk": desk, "context": context})
