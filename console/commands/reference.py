"""The reference of keys and commands, written from the table: docs/keys.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.commands.command import Command, ScreenId
from console.commands.help import FILTERS, MOVING
from console.commands.keys import key_text
from console.commands.table import TABLE

_SCREENS = {
    ScreenId.FLEET: "fleet",
    ScreenId.DETAIL: "pod or workload",
    ScreenId.NODES: "nodes and GPUs",
    ScreenId.LOGS: "logs",
    ScreenId.TEXT: "describe, YAML",
    ScreenId.SOURCES: "sources",
    ScreenId.JOINS: "joins",
    ScreenId.AUDIT: "audit",
    ScreenId.CHOICE: "namespaces, contexts",
    ScreenId.HELP: "help",
    ScreenId.PLAN: "plan",
    ScreenId.ACTION: "action",
    ScreenId.ACTIONS: "actions",
    ScreenId.REVISIONS: "revisions",
    ScreenId.CONFIRM: "question",
    ScreenId.LOCAL: "this machine",
    ScreenId.LOCAL_SERVER: "one of its vLLM servers",
    ScreenId.LOCAL_LOG: "log of one",
    ScreenId.FORM: "form",
    ScreenId.TRY: "try",
    ScreenId.BENCHES: "benchmarks",
}


def keys_markdown() -> str:
    """The whole document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Keys and commands"
    yield ""
    yield "Written by `make docs` from the table that the console itself runs on. Any command can have other keys in"
    yield "the configuration, by the id in the last column:"
    yield ""
    yield "```toml"
    yield "[keys]"
    yield '"open.logs" = "L, f7"'
    yield "```"
    yield ""
    yield "## Commands"
    yield ""
    yield from _table(("key", "command line", "does", "screens", "id"), (_row(command) for command in TABLE))
    yield ""
    yield "`ctrl-p` opens the palette: every command that can run here, by its title."
    yield ""
    yield "## Moving"
    yield ""
    yield from _table(("key", "does"), ((f"`{keys}`", words) for keys, words in MOVING))
    yield ""
    yield "## Filters"
    yield ""
    yield from _table(("typed", "shows"), ((f"`{typed}`", words) for typed, words in FILTERS))


def _row(command: Command) -> tuple[str, ...]:
    keys = " ".join(f"`{key_text(key)}`" for key in command.keys)
    argument = f" {command.argument}" if command.argument else ""
    names = " ".join(f"`:{name}{argument if not i else ''}`" for i, name in enumerate(command.names))
    bound = command.where if command.bound is None else command.bound
    where = "all" if bound == frozenset(ScreenId) else ", ".join(_SCREENS[w] for w in ScreenId if w in bound)
    return keys, names, command.title, where, f"`{command.id}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
