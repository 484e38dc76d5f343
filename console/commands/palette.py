"""The palette (ctrl-p): every command of the table that can run here, by its title."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.commands.command import Command, Context
from console.commands.dispatch import offered
from console.commands.keys import key_text, keys_of
from console.commands.table import commands_for

if TYPE_CHECKING:
    from console.app import QuarterdeckApp


class TableProvider(Provider):
    """Offers what is available for the object under the cursor of the screen below the palette."""

    async def discover(self) -> Hits:
        for command, help_text, context in self._commands():
            yield DiscoveryHit(command.title, partial(self._app.perform, command, context), help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command, help_text, context in self._commands():
            score = max(matcher.match(text) for text in (command.title, *command.names))
            if score > 0:
                run = partial(self._app.perform, command, context)
                yield Hit(score, matcher.highlight(command.title), run, text=command.title, help=help_text)

    @property
    def _app(self) -> QuarterdeckApp:
        return cast("QuarterdeckApp", self.app)

    def _commands(self) -> Iterator[tuple[Command, str, Context]]:
        app = self._app
        front = app.front
        if front is None:
            return
        context = front.context()
        for command in offered(commands_for(context.where), context, read_only=app.read_only):
            keys = " ".join(key_text(key) for key in keys_of(command, app.keymap))
            names = " ".join(f":{name}" for name in command.names)
            yield command, "   ".join(part for part in (keys, names) if part), context
