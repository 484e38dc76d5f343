"""The palette (ctrl-p): every command that can run here, by its title, and every object by its name.

Disabled commands are listed with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.await_complete import AwaitComplete
from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input, OptionList

from console.commands.command import Command, Context
from console.commands.desk import Desk
from console.commands.dispatch import closed_by, disabled, is_out_of_place, refusal, runnable
from console.commands.keys import key_text, keys_of
from console.commands.table import BY_ID, commands_for
from console.views.subject import assessment_of
from fleet.model.severity import rank
from widgets.untrusted import untrusted, untrusted_name

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.style import Style


_SHORTEST = 2
"""Letters required to search for objects: a single letter is in all their names."""
_MOST = 12
"""Objects that are offered."""
_FOUND = 1.0
"""Score of an object whose name has the typed words: commands that have them come before, others after."""
_LINES = 2
"""Lines of an entry: its title and its description."""


def _score(query: str, text: str, fuzzy: float) -> float:
    """Return the score of a command whose letters match: above _FOUND if the typed words are in its text."""
    whole = all(word in text.lower() for word in query.lower().split())
    if fuzzy <= 0:
        return 0.0
    return _FOUND + fuzzy if whole else _FOUND * fuzzy / (1 + fuzzy)


class TableProvider(Provider):
    """Offers the commands available for the object under the cursor of the screen below the palette."""

    def __init__(self, screen: Screen[Any], match_style: Style | None = None, *, desk: Desk, context: Context) -> None:
        super().__init__(screen, match_style)
        self._desk = desk
        self._context = context

    async def discover(self) -> Hits:
        for command, help_text in self._commands():
            run = partial(self._desk.commands.perform, command, self._context)
            yield DiscoveryHit(command.title, run, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        offered = [*self._commands(), *self._not_here(query)]
        scored = [
            (
                max(_score(query, text, matcher.match(text)) for text in (command.title, *command.names)),
                command,
                help_text,
            )
            for command, help_text in offered
        ]
        # Letters scattered over a title are a guess: none is made where commands have the typed words.
        least = _FOUND if any(score > _FOUND for score, _, _ in scored) else 0.0
        for score, command, help_text in scored:
            if score > least:
                run = partial(self._desk.commands.perform, command, self._context)
                yield Hit(score, matcher.highlight(command.title), run, text=command.title, help=help_text)
        for name in self._desk.scope.views.names:
            score = _score(query, f"view {name}", matcher.match(f"view {name}"))
            if score > 0:
                run = partial(self._desk.scope.views.show, name)
                yield Hit(score, matcher.highlight(f"view {name}"), run, text=f"view {name}", help=f":view {name}")
        for key, name, what, go in self._objects(query):
            yield Hit(_FOUND, escape(untrusted_name(name)), go, text=f"{what} {key}", help=escape(untrusted(what)))

    def _objects(self, query: str) -> Iterator[tuple[str, str, str, Callable[[], None]]]:
        """Yield the objects whose names contain the typed words, worst first."""
        snapshot, words = self._context.snapshot, query.lower().split()
        if snapshot is None or not words or len(max(words, key=len)) < _SHORTEST:
            return
        whole = snapshot.everything
        found = [
            *(
                (rank(assessment_of(whole, key).severity), 0, key, row.name, row.kind)
                for key, row in whole.workloads.items()
            ),
            *((rank(assessment_of(whole, key).severity), 1, key, row.name, "Pod") for key, row in whole.pods.items()),
            *((rank(assessment_of(whole, name).severity), 2, name, name, "Node") for name in whole.nodes),
        ]
        fitting = [one for one in found if all(word in one[2].lower() for word in words)]
        for _, _, key, name, kind in sorted(fitting)[:_MOST]:
            pages = self._desk.pages
            run = partial(pages.open_nodes if kind == "Node" else pages.open_detail, key)
            where = key.partition("/")[0] if "/" in key else ""
            reason = assessment_of(whole, key).reason
            yield key, name, "   ".join(filter(None, (kind, where, reason))), run

    def _commands(self) -> Iterator[tuple[Command, str]]:
        here, read_only = commands_for(self._context.where), self._desk.read_only
        for command in runnable(here, self._context, read_only=read_only):
            # Only keys that are bound on the screen below are shown.
            bound = command.bound is None or self._context.where in command.bound
            keys = " ".join(key_text(key) for key in keys_of(command, self._desk.options.keymap)) if bound else ""
            names = " ".join(f":{name}" for name in command.names)
            yield command, escape("   ".join(part for part in (keys, names) if part))
        for id_, reason in disabled(here, self._context, read_only=read_only).items():
            # The palette parses markup, and the text may contain names from outside.
            yield BY_ID[id_], escape(f"disabled: {untrusted(reason)}")

    def _not_here(self, query: str) -> Iterator[tuple[Command, str]]:
        """Yield the commands with the typed words that need another object under the cursor, with the reason."""
        here, read_only, words = commands_for(self._context.where), self._desk.read_only, query.lower().split()
        shown = {command.id for command, _ in self._commands()}
        for command in here:
            named = any(all(word in text.lower() for word in words) for text in (command.title, *command.names))
            if not named or command.id in shown or is_out_of_place(command, self._context):
                continue
            if closed_by(command, self._context.snapshot, read_only=read_only) is None:
                yield command, escape(untrusted(refusal(command, self._context, read_only=read_only) or ""))


class DeskPalette(CommandPalette):
    """Textual's palette on a desk, for impatient hands and tiny terminals.

    Textual's own closes once per enter or escape, and each time takes the screen away that is on top then; it runs a
    command as often as enter comes before it has closed; and it cannot page through a list of no height.
    """

    def __init__(self, desk: Desk, context: Context) -> None:
        """``context``: the screen below, and the object under its cursor when the palette was opened."""
        super().__init__()
        self._provider = partial(TableProvider, desk=desk, context=context)
        self._over = False

    @property
    def _provider_classes(self) -> set[Any]:
        # One class for all palettes: a new class per palette would stay in memory for long.
        return {self._provider}

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close, once."""
        if self._over:
            return AwaitComplete()
        self._over = True
        return super().dismiss(result)

    @on(Input.Submitted)
    @on(Input.Changed)
    @on(OptionList.OptionSelected)
    def _not_any_more(self, event: Message) -> None:
        """Ignore input that was typed before it had closed."""
        if self._over:
            event.stop()
            event.prevent_default()

    def _action_command_list(self, action: str) -> None:
        commands = self.query_one(CommandList)
        if action not in {"page_up", "page_down"}:
            super()._action_command_list(action)
        elif commands.option_count:
            # Textual's method needs the line of an option, which does not exist before layout.
            page = max(1, commands.scrollable_content_region.height // _LINES)
            at = (commands.highlighted or 0) + (page if action == "page_down" else -page)
            commands.highlighted = min(max(0, at), commands.option_count - 1)
