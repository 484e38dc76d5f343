"""The reference of keys and commands, written from the table: docs/keys.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from console.commands.command import Command, Where
from console.commands.keys import key_text
from console.commands.table import TABLE
from console.views.help import FILTERS, MOVING

_SCREENS = {
    Where.FLEET: "fleet",
    Where.DETAIL: "pod or workload",
    Where.NODES: "nodes and GPUs",
    Where.LOGS: "logs",
    Where.TEXT: "describe, YAML",
    Where.SOURCES: "sources",
    Where.JOINS: "joins",
    Where.AUDIT: "audit",
    Where.CHOICE: "namespaces, contexts",
    Where.HELP: "help",
    Where.PLAN: "plan",
    Where.ACTION: "action",
    Where.ACTIONS: "actions",
    Where.REVISIONS: "revisions",
    Where.CONFIRM: "question",
    Where.LOCAL: "this machine",
    Where.LOCAL_NODE: "one of its vLLM nodes",
    Where.LOCAL_LOG: "log of one",
    Where.FORM: "form",
    Where.TRY: "try",
    Where.BENCHES: "benchmarks",
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
    where = "all" if bound == frozenset(Where) else ", ".join(_SCREENS[w] for w in Where if w in bound)
    return keys, names, command.title, where, f"`{command.id}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
