"""The table of commands. Bindings, palette, key bar, ``?``, the command line and docs/keys.md are made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping

from console.commands import on_screen
from console.commands.actions import ACTIONS
from console.commands.alerting import ALERTING
from console.commands.capabilities import (
    Followable,
    HidesOthers,
    ListsIncidents,
    Narrowable,
    PodLog,
    Searchable,
    Sortable,
    Wrappable,
)
from console.commands.command import OBJECTS, OF_ALERTS, TABLES, Command, Context, ScreenId
from console.commands.desk import Desk
from console.commands.local import LOCAL, server_of
from console.commands.plot import PLOTS
from console.views import fleet_columns, node_columns
from console.views.alert_marks import board
from console.views.subject import has_pod, pod_for, restarts_of, worst_pod
from fleet.kinds.registry import listed

_TEXTS = frozenset(
    {
        ScreenId.LOGS,
        ScreenId.TEXT,
        ScreenId.HELP,
        ScreenId.DETAIL,
        ScreenId.INCIDENT,
        ScreenId.SOURCES,
        ScreenId.ALERT,
        ScreenId.MONITORING,
        ScreenId.LOCAL_SERVER,
        ScreenId.LOCAL_LOG,
        ScreenId.BENCHES,
    }
)
_WRAPPED = _TEXTS - {ScreenId.INCIDENT}
_LOGS = frozenset({ScreenId.LOGS, ScreenId.LOCAL_LOG})
_LISTS = TABLES | {ScreenId.JOINS, ScreenId.ALERTS, ScreenId.INCIDENTS}
_NARROWED = (
    TABLES
    | _TEXTS
    | {
        ScreenId.INCIDENTS,
        ScreenId.ALERTS,
        ScreenId.CHOICE,
        ScreenId.AUDIT,
        ScreenId.ACTIONS,
        ScreenId.LOCAL,
        ScreenId.TIMELINE,
    }
)


def _needs_target(context: Context) -> str | None:
    if context.target is None:
        return "nothing is under the cursor that Kubernetes knows"
    return None


def _needs_subject(context: Context) -> str | None:
    return None if context.subject is not None else "nothing is under the cursor"


def _needs_alert(context: Context) -> str | None:
    snapshot, subject = context.snapshot, context.subject
    alerts = board(snapshot) if snapshot is not None else None
    return None if alerts is not None and alerts.of.get(subject or "") else "no alert concerns what is under the cursor"


def _needs_incident(context: Context) -> str | None:
    empty = isinstance(context.view, ListsIncidents) and context.view.is_empty
    return "there is no incident under the cursor" if empty else None


def _needs_joined(context: Context) -> str | None:
    return None if context.subject is not None else "the alert names no object that is in view"


def _pod(context: Context) -> str | None:
    if context.snapshot is None or context.subject is None:
        return None
    return pod_for(context.snapshot, context.subject)


def _restarted(context: Context) -> str | None:
    """The pod whose log from before a restart is wanted: the one under the cursor, a workload's worst that has one."""
    if context.snapshot is None or context.subject is None:
        return None
    pods = context.snapshot.pods
    members = [key for key in context.snapshot.pods_of.get(context.subject, ()) if pods[key].restarts]
    return worst_pod(context.snapshot, members) if members else _pod(context)


def _needs_restart(context: Context) -> str | None:
    snapshot, subject = context.snapshot, context.subject
    if snapshot is None or subject is None or not has_pod(snapshot, subject):
        return "there is no pod under the cursor"
    of = subject if snapshot.pods_of.get(subject) else pod_for(snapshot, subject) or ""
    return None if restarts_of(snapshot, of) else "nothing has restarted"


def _needs_pod(context: Context) -> str | None:
    snapshot, subject = context.snapshot, context.subject
    there = snapshot is not None and subject is not None and has_pod(snapshot, subject)
    return None if there else "there is no pod under the cursor"


def _needs_log(context: Context) -> str | None:
    return _needs_pod(context) if context.where in OBJECTS else _needs_own(context)


def _needs_described(context: Context) -> str | None:
    return _needs_target(context) if context.where in OBJECTS else _needs_own(context)


def _needs_own(context: Context) -> str | None:
    return None if server_of(context) is not None else "there is no server"


def _describe(desk: Desk, context: Context) -> None:
    if context.where is ScreenId.LOCAL:
        _detail(desk, context)
    elif context.target is not None:
        desk.pages.open_describe(context.target)


def _yaml(desk: Desk, context: Context) -> None:
    if context.target is not None:
        desk.pages.open_yaml(context.target)


def _logs(*, previous: bool) -> Callable[[Desk, Context], None]:
    def run(desk: Desk, context: Context) -> None:
        if context.where not in OBJECTS and context.subject is not None:
            desk.local_pages.open_log(context.subject)
            return
        pod = _restarted(context) if previous else _pod(context)
        if pod is not None:
            desk.pages.open_logs(pod, previous=previous)

    return run


def _detail(desk: Desk, context: Context) -> None:
    if context.subject is None:
        return
    nodes = context.snapshot.nodes if context.snapshot is not None else {}
    if context.where is ScreenId.LOCAL:
        desk.local_pages.open_server(context.subject)
    elif context.where in OF_ALERTS and context.subject in nodes:
        desk.pages.open_nodes(context.subject)
    else:
        desk.pages.open_detail(context.subject)


def _concerned(desk: Desk, context: Context) -> None:
    """Open the page of a pod or a workload; a node or a GPU has none, so its row."""
    snapshot, key = context.snapshot, context.subject
    if snapshot is None or key is None:
        return
    whole = snapshot.everything
    if snapshot.source(key) is not None:
        desk.pages.open_sources()
    elif key in whole.nodes or key in whole.gpus:
        desk.pages.open_nodes(key)
    else:
        desk.pages.open_detail(key)


async def _namespace(desk: Desk, context: Context) -> None:
    if context.argument:
        await desk.scope.switch(namespace="" if context.argument == "all" else context.argument)
    else:
        desk.scope.choose_namespace()


async def _context(desk: Desk, context: Context) -> None:
    if context.argument:
        await desk.scope.switch(context=context.argument)
    else:
        desk.scope.choose_context()


async def _all_namespaces(desk: Desk, context: Context) -> None:
    del context
    await desk.scope.switch(namespace="")


async def _fleet(desk: Desk, context: Context) -> None:
    """Open the fleet with what k9s takes behind ``:pods``: a namespace, ``/filter``, labels, or ``@context``."""
    argument = context.argument
    desk.navigator.go_home()
    if argument.startswith("@"):
        await desk.scope.switch(context=argument[1:].strip())
    elif argument.startswith("/"):
        desk.line.narrow(argument[1:])
    elif "=" in argument:
        desk.line.narrow(f"-l {argument}")
    elif argument:
        await desk.scope.switch(namespace="" if argument == "all" else argument)


def _favourite(number: int) -> Callable[[Desk, Context], Awaitable[None]]:
    return lambda desk, _: desk.scope.switch_to_favourite(number)


def _sorts() -> Iterator[Command]:
    """Worst first, by name, and by every column that has a letter."""
    yield Command("sort.state", "Sort worst first", on_screen.sort(""), ("S",), where=TABLES, needs=Sortable)
    yield Command("sort.name", "Sort by name", on_screen.sort("name"), ("N",), where=TABLES, needs=Sortable)
    for prefix, where, columns in (
        ("fleet", ScreenId.FLEET, fleet_columns.COLUMNS),
        ("nodes", ScreenId.NODES, node_columns.COLUMNS),
    ):
        for column in columns:
            if column.key:
                name, run = f"sort.{prefix}.{column.column.id}", on_screen.sort(column.column.id)
                title, on = f"Sort by {column.words}", frozenset({where})
                yield Command(name, title, run, (column.key,), where=on, needs=Sortable)


def _log_ranges() -> Iterator[Command]:
    """The ranges of k9s, on its keys."""
    family = "Its last lines, or those of the last 1m, 5m, 15m, 30m, 1h"
    ranges = {"0": 0, "2": 60, "3": 300, "4": 900, "5": 1800, "6": 3600}
    for key, seconds in ranges.items():
        title = f"The log of the last {seconds // 60} minutes" if seconds else "The last lines of the log"
        name = f"view.log_{seconds // 60}m" if seconds else "view.log_tail"
        run, where = on_screen.read_since(seconds), frozenset({ScreenId.LOGS})
        yield Command(name, title, run, (key,), where=where, family=family, needs=PodLog)


TABLE: tuple[Command, ...] = (
    Command(
        "open.detail",
        "Everything about the object under the cursor",
        _detail,
        where=frozenset({ScreenId.FLEET, ScreenId.NODES, ScreenId.JOINS, ScreenId.LOCAL}),
        hint="open",
        available=_needs_subject,
        keys=("enter",),
    ),
    Command(
        "open.logs",
        "Logs",
        _logs(previous=False),
        ("l",),
        ("logs",),
        OBJECTS | {ScreenId.LOCAL, ScreenId.LOCAL_SERVER},
        "logs",
        available=_needs_log,
    ),
    Command(
        "open.previous_logs",
        "Logs of the container before it restarted",
        _logs(previous=True),
        ("p",),
        ("previous",),
        OBJECTS,
        "previous",
        available=_needs_restart,
    ),
    Command(
        "open.describe",
        "Describe",
        _describe,
        ("d",),
        ("describe",),
        OBJECTS | {ScreenId.LOCAL},
        "describe",
        available=_needs_described,
    ),
    Command("open.yaml", "YAML", _yaml, ("y",), ("yaml",), OBJECTS, "yaml", available=_needs_target),
    *ACTIONS,
    *ALERTING,
    *LOCAL,
    *PLOTS,
    Command(
        "open.fleet",
        "Models, workloads and pods",
        _fleet,
        (),
        ("fleet", "pods", "pod", "po", "workloads", *(n for kind in listed() for n in (kind.plural, *kind.short))),
        argument="[NAMESPACE | /FILTER | LABEL=VALUE | @CONTEXT]",
    ),
    Command(
        "open.nodes",
        "Nodes and GPUs",
        lambda desk, context: desk.pages.open_nodes(context.subject),
        ("o",),
        ("nodes", "no", "gpus"),
        hint="nodes",
        bound=frozenset({ScreenId.SOURCES}) | (OBJECTS - {ScreenId.NODES, ScreenId.ALERT}),
    ),
    Command(
        "open.sources",
        "Sources: what is read, since when, what is wrong",
        lambda desk, _: desk.pages.open_sources(),
        (),
        ("sources",),
    ),
    Command(
        "open.incidents",
        "Incidents: what is wrong, since when, and why",
        lambda desk, context: desk.pages.open_incidents(context.subject),
        ("f",),
        ("incidents",),
        hint="incidents",
        bound=frozenset(
            {
                ScreenId.FLEET,
                ScreenId.DETAIL,
                ScreenId.NODES,
                ScreenId.JOINS,
                ScreenId.ALERTS,
                ScreenId.SOURCES,
                ScreenId.TIMELINE,
            }
        ),
    ),
    Command(
        "open.incident",
        "The incident under the cursor: its evidence, and what was ruled out",
        on_screen.open_incident,
        ("enter",),
        where=frozenset({ScreenId.INCIDENTS}),
        hint="open",
        needs=ListsIncidents,
        available=_needs_incident,
    ),
    Command(
        "open.concerned",
        "The object that it is about",
        _concerned,
        ("enter",),
        where=frozenset({ScreenId.INCIDENT}),
        hint="object",
        available=_needs_subject,
    ),
    Command(
        "open.joins",
        "Joins that could not be made",
        lambda desk, _: desk.pages.open_joins(),
        names=("joins", "loose"),
    ),
    Command(
        "open.alerts",
        "Alerts: which are pending or fire, and who is told",
        lambda desk, _: desk.pages.open_alerts(""),
        names=("alerts",),
    ),
    Command(
        "open.alerts_of",
        "Alerts of the object under the cursor, and of its parts",
        lambda desk, context: desk.pages.open_alerts(context.subject or ""),
        ("asterisk",),
        where=OBJECTS - OF_ALERTS,
        hint="alerts",
        available=_needs_alert,
    ),
    Command(
        "open.of_alert",
        "The object that the alert concerns",
        _detail,
        ("asterisk",),
        where=OF_ALERTS,
        hint="object",
        available=_needs_joined,
    ),
    Command(
        "open.monitoring",
        "Monitoring: whether its rules and targets are what they seem",
        lambda desk, _: desk.pages.open_monitoring(),
        names=("monitoring",),
    ),
    Command(
        "open.past",
        "What happened to the object under the cursor",
        lambda desk, context: desk.pages.open_timeline(context.target),
        ("h",),
        ("past",),
        OBJECTS,
        "past",
        available=_needs_target,
    ),
    Command(
        "open.timeline",
        "Timeline: what happened, when, and who did it",
        lambda desk, _: desk.pages.open_timeline(None),
        names=("timeline",),
    ),
    Command(
        "open.audit",
        "Audit log: who changed what, when and why",
        lambda desk, _: desk.pages.open_audit(),
        names=("audit",),
    ),
    Command(
        "view.namespace",
        "Namespaces",
        _namespace,
        ("n",),
        ("ns", "namespace", "namespaces"),
        hint="namespaces",
        argument="[NAMESPACE | all]",
        # In text, n is the next match.
        bound=_LISTS,
    ),
    Command("view.context", "Contexts", _context, (), ("ctx", "context", "contexts"), argument="[CONTEXT]"),
    Command("view.all_namespaces", "All namespaces", _all_namespaces, ("0",), bound=_LISTS),
    *(
        Command(
            f"view.favourite_{n}",
            f"Namespace {n}",
            _favourite(n),
            (str(n),),
            bound=_LISTS,
            family="Namespaces by number: those looked at last, then by name",
        )
        for n in range(1, 10)
    ),
    Command(
        "view.others",
        "Show or hide what serves no model: other workloads, nodes without GPUs",
        on_screen.toggle_others,
        ("a",),
        ("all",),
        TABLES,
        "all",
        needs=HidesOthers,
    ),
    *_sorts(),
    Command("view.follow", "Follow", on_screen.toggle_follow, ("f", "s"), where=_LOGS, hint="follow", needs=Followable),
    Command(
        "view.wrap",
        "Wrap lines",
        on_screen.toggle_wrap,
        ("w",),
        where=_WRAPPED,
        hint="wrap",
        needs=Wrappable,
    ),
    Command(
        "view.container",
        "Next container",
        on_screen.next_container,
        ("c",),
        where=frozenset({ScreenId.LOGS}),
        hint="container",
        needs=PodLog,
    ),
    Command(
        "view.timestamps",
        "When each line was written (UTC)",
        on_screen.toggle_timestamps,
        ("t",),
        where=frozenset({ScreenId.LOGS}),
        hint="times",
        needs=PodLog,
    ),
    *_log_ranges(),
    Command("view.clear", "Clear", on_screen.clear, ("C",), where=_LOGS, needs=Followable),
    Command("view.next_match", "Next match", on_screen.step_match(1), ("n",), where=_TEXTS, needs=Searchable),
    Command("view.previous_match", "Previous match", on_screen.step_match(-1), ("N",), where=_TEXTS, needs=Searchable),
    Command(
        "console.filter",
        "Filter, or search in text",
        lambda desk, _: desk.line.ask_filter(),
        ("slash",),
        where=_NARROWED,
        hint="filter",
        needs=Narrowable,
    ),
    Command("console.command", "Command line", lambda desk, _: desk.line.ask_command(), ("colon",), hint="command"),
    Command(
        "console.help",
        "Keys and commands",
        lambda desk, _: desk.pages.open_help(),
        ("question_mark",),
        ("help", "h"),
        hint="help",
    ),
    Command("console.palette", "Every command by name", lambda desk, _: desk.pages.open_palette(), ("ctrl+p",)),
    Command("console.refresh", "Measure now", lambda desk, _: desk.session.refresh(), ("ctrl+r",), ("refresh",)),
    Command("console.back", "Back", on_screen.back, ("escape", "q"), ("back",), hint="back"),
    Command("console.suspend", "To the shell; fg comes back", lambda desk, _: desk.navigator.suspend(), ("ctrl+z",)),
    Command("console.quit", "Quit", lambda desk, _: desk.leave(), ("ctrl+c", "ctrl+q"), ("q", "quit", "exit")),
)

BY_ID: Mapping[str, Command] = {command.id: command for command in TABLE}
NAMES = tuple(dict.fromkeys(name for command in TABLE for name in command.names))


def by_name(name: str, where: ScreenId) -> Command | None:
    """The command of this name: where several have it (``drain``), the one that works on this screen."""
    every = [command for command in TABLE if name in command.names]
    return next((command for command in every if where in command.where), every[0] if every else None)


def commands_for(where: ScreenId) -> tuple[Command, ...]:
    """The commands of a screen, in the order of the table."""
    return tuple(command for command in TABLE if where in command.where)


def bound_on(where: ScreenId) -> tuple[Command, ...]:
    """The commands whose keys are bound on a screen."""
    return tuple(c for c in commands_for(where) if c.keys and (c.bound is None or where in c.bound))
