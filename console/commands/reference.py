"""Documents from the tables: docs/keys.md, and the table of actions in docs/actions.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actions.catalogue import KINDS, spec_of
from actions.spec import ActionSpec, Api, Argument
from console.commands.command import Command, ScreenId
from console.commands.help import FILTERS, MOVING
from console.commands.keys import key_text
from console.commands.table import TABLE

_SCREENS = {
    ScreenId.FLEET: "fleet",
    ScreenId.DETAIL: "pod or workload",
    ScreenId.NODES: "nodes and GPUs",
    ScreenId.LOGS: "logs",
    ScreenId.TEXT: "an entry, a record",
    ScreenId.DOCUMENT: "describe, YAML",
    ScreenId.LISTING: "a resource",
    ScreenId.SOURCES: "sources",
    ScreenId.JOINS: "joins",
    ScreenId.INCIDENTS: "incidents",
    ScreenId.INCIDENT: "incident",
    ScreenId.TIMELINE: "timeline",
    ScreenId.ALERTS: "alerts",
    ScreenId.ALERT: "an alert",
    ScreenId.MONITORING: "monitoring",
    ScreenId.OBJECTIVES: "objectives",
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
    ScreenId.PLOT: "plot",
    ScreenId.WHY: "why slow",
    ScreenId.NUMBERS: "numbers",
}


def keys_markdown() -> str:
    """The whole document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Keys and commands"
    yield ""
    yield "Written by `make docs` from the console's own table. Any command can have other keys in"
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


def with_actions(page: str) -> str:
    """docs/actions.md with the table of actions as it is now."""
    before, _, rest = page.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{chr(10).join(_actions())}\n{_END}{after}"


_BEGIN = "<!-- written by make docs from the declarations of the actions -->"
_END = "<!-- to here -->"


def _actions() -> Iterator[str]:
    rows = [_action(entry.command, spec_of(entry.kind)) for entry in KINDS if entry.command]
    undo = "Plan the reversal of this person's last action on this cluster, against its current state."
    rows.append(("`z`", "`undo`", undo, "", "as that action"))
    yield from _table(("key", "command", "does", "to", "sends"), rows)


_OF_APIS = {Api.ALERTMANAGER: " on alerts", Api.RECORD: " on incidents"}
"""Screens for the keys of actions that do not happen at the API server."""


def _action(command: str, spec: ActionSpec) -> tuple[str, ...]:
    of_api = _OF_APIS.get(spec.api, "")
    where = " on nodes" if "Node" in spec.targets else of_api
    row = next((one for one in TABLE if one.id == f"act.{spec.kind}"), None) if of_api else None
    keys = ", ".join(f"`{key_text(key)}`{where}" for key in (row.keys if row is not None else spec.keys))
    target = "node/NAME" if spec.targets == ("Node",) else spec.target_metavar
    words = [
        command,
        f"{target}…" if spec.each or (not spec.local and spec.takes_several) else target,
        *filter(None, map(_argument, spec.arguments)),
    ]
    if spec.inline is not None and spec.inline.choose_from is not None:
        words.append("[--list]")
    to = "a server on this machine" if spec.local else ", ".join(spec.targets)
    return keys, f"`{' '.join(words)}`", spec.about, to, spec.sends


def _argument(argument: Argument) -> str:
    """Return an argument as in a usage line; empty for one without effect."""
    if not argument.field:
        return ""
    value = "|".join(map(str, argument.choices)) or argument.metavar
    return f"[{' '.join(part for part in (argument.flag, value) if part)}]"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
