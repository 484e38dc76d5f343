"""The table of commands. Bindings, palette, key bar, ``?``, the command line and docs/keys.md are made from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from console.commands import on_object, on_screen
from console.commands.acknowledging import ACKNOWLEDGING
from console.commands.actions import ACTIONS
from console.commands.alerting import ALERTING, ALERTS
from console.commands.capabilities import (
    HidesOthers,
    ListsIncidents,
    Narrowable,
    ShowsSome,
    Sortable,
)
from console.commands.command import EVERYWHERE, OBJECTS, OWN, TABLES, Command, ScreenId
from console.commands.copying import COPYING
from console.commands.local import LOCAL
from console.commands.past import ONSET, PAST
from console.commands.plot import PLOTS
from console.commands.reading import READING, TEXTS
from console.commands.scope import SCOPE, open_fleet
from console.commands.theming import THEMING
from console.views import fleet_columns, node_columns
from console.views.node_columns import FREE, SICK
from fleet.kinds.registry import listed

_NARROWED = (
    TABLES
    | TEXTS
    | {
        ScreenId.INCIDENTS,
        ScreenId.OBJECTIVES,
        ScreenId.ALERTS,
        ScreenId.CHOICE,
        ScreenId.AUDIT,
        ScreenId.ACTIONS,
        ScreenId.LOCAL,
        ScreenId.TIMELINE,
        ScreenId.LISTING,
    }
)


def _sorts() -> Iterator[Command]:
    """Worst first, by name, and by every column that has a letter."""
    yield Command(
        "sort.state", "Sort worst first", on_screen.call(Sortable.sort, ""), ("S",), where=TABLES, needs=Sortable
    )
    yield Command(
        "sort.name", "Sort by name", on_screen.call(Sortable.sort, "name"), ("N",), where=TABLES, needs=Sortable
    )
    for prefix, where, columns in (
        ("fleet", ScreenId.FLEET, fleet_columns.COLUMNS),
        ("nodes", ScreenId.NODES, node_columns.COLUMNS),
    ):
        for column in columns:
            if column.key:
                name, run = f"sort.{prefix}.{column.column.id}", on_screen.call(Sortable.sort, column.column.id)
                title, on = f"Sort by {column.words}", frozenset({where})
                yield Command(name, title, run, (column.key,), where=on, needs=Sortable)


TABLE: tuple[Command, ...] = (
    Command(
        "open.detail",
        "Everything about the object under the cursor",
        on_object.open_detail,
        where=frozenset({ScreenId.FLEET, ScreenId.NODES, ScreenId.JOINS, ScreenId.OBJECTIVES, ScreenId.LOCAL}),
        hint="open",
        available=on_object.needs_subject,
        keys=("enter",),
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
    *ACKNOWLEDGING,
    *ONSET,
    Command(
        "open.why",
        "Why slow: where the time of its requests goes, and what slow replicas have in common",
        on_object.open_why,
        ("w",),
        ("why",),
        OBJECTS,
        "why slow",
        bound=OBJECTS - {ScreenId.ALERT},
        available=on_object.needs_requests,
    ),
    Command(
        "open.numbers",
        "Numbers: where each comes from, how old it is, and the PromQL that gives it",
        on_object.open_numbers,
        ("number_sign",),
        ("numbers", "provenance"),
        OBJECTS,
        bound=OBJECTS - {ScreenId.ALERT, ScreenId.NUMBERS},
        available=on_object.needs_numbers,
    ),
    Command(
        "open.logs",
        "Logs",
        on_object.open_logs(previous=False),
        ("l",),
        ("logs",),
        OBJECTS | {ScreenId.LOCAL, ScreenId.LOCAL_SERVER},
        "logs",
        available=on_object.needs_log,
        only_now=True,
    ),
    Command(
        "open.ticket",
        "Ticket: what is wrong here, with numbers, changes and who acted; saved as Markdown and copied",
        on_object.write_ticket,
        ("exclamation_mark",),
        ("ticket",),
        where=EVERYWHERE - OWN - {ScreenId.FORM, ScreenId.CONFIRM, ScreenId.HELP, ScreenId.CHOICE},
        hints=dict.fromkeys((ScreenId.FLEET, ScreenId.DETAIL, ScreenId.INCIDENTS, ScreenId.INCIDENT), "ticket"),
        available=on_object.needs_snapshot,
        finishes=True,
    ),
    Command(
        "open.previous_logs",
        "Logs of the container before it restarted",
        on_object.open_logs(previous=True),
        ("p",),
        ("previous",),
        OBJECTS | {ScreenId.LOGS},
        hints=dict.fromkeys(OBJECTS, "previous"),
        available=on_object.needs_restart,
        only_now=True,
    ),
    Command(
        "open.describe",
        "Describe",
        on_object.open_describe,
        ("d",),
        ("describe",),
        OBJECTS | {ScreenId.LOCAL, ScreenId.DOCUMENT},
        "describe",
        available=on_object.needs_described,
        only_now=True,
    ),
    Command(
        "open.yaml",
        "YAML",
        on_object.open_yaml,
        ("y",),
        ("yaml",),
        OBJECTS | {ScreenId.DOCUMENT},
        "yaml",
        available=on_object.needs_target,
        only_now=True,
    ),
    *ACTIONS,
    *ALERTING,
    *LOCAL,
    *PLOTS,
    Command(
        "open.fleet",
        "Models, workloads and pods",
        open_fleet,
        (),
        (
            "fleet",
            "pulse",
            "pulses",
            "pods",
            "pod",
            "po",
            "workloads",
            *(n for kind in listed() for n in (kind.plural, *kind.short)),
        ),
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
        "open.listing",
        "Any resource of the cluster, read-only; also by its name alone (:svc, :events, :hpa)",
        on_object.open_listing,
        names=("get", "resources"),
        argument="RESOURCE [NAMESPACE | all]",
    ),
    Command(
        "open.sources",
        "Sources: what is read, since when, and what is wrong",
        lambda desk, _: desk.pages.open_screen(ScreenId.SOURCES),
        (),
        ("sources",),
    ),
    Command(
        "open.incident",
        "The incident under the cursor: its evidence, and what was ruled out",
        on_screen.call(ListsIncidents.open_incident),
        ("enter",),
        where=frozenset({ScreenId.INCIDENTS}),
        hint="open",
        needs=ListsIncidents,
        available=on_object.needs_incident,
    ),
    Command(
        "open.concerned",
        "The object that it concerns",
        on_object.open_concerned,
        ("enter",),
        where=frozenset({ScreenId.INCIDENT}),
        hint="object",
        available=on_object.needs_subject,
    ),
    Command(
        "open.joins",
        "Objects that could not be joined",
        lambda desk, _: desk.pages.open_screen(ScreenId.JOINS),
        names=("joins", "loose"),
    ),
    *ALERTS,
    Command(
        "open.monitoring",
        "Monitoring: whether its rules and targets work",
        lambda desk, _: desk.pages.open_screen(ScreenId.MONITORING),
        names=("monitoring",),
        only_now=True,
    ),
    Command(
        "open.objectives",
        "Objectives: the remaining error budgets and their burn rates",
        lambda desk, _: desk.pages.open_screen(ScreenId.OBJECTIVES),
        ("percent_sign",),
        ("slo", "objectives", "budgets"),
        hint="objectives",
        bound=frozenset(
            {ScreenId.FLEET, ScreenId.DETAIL, ScreenId.NODES, ScreenId.INCIDENTS, ScreenId.INCIDENT, ScreenId.ALERTS}
        ),
    ),
    Command(
        "open.past",
        "What happened to the object under the cursor",
        lambda desk, context: desk.pages.open_timeline(context.target),
        ("h",),
        ("past",),
        OBJECTS,
        "past",
        available=on_object.needs_target,
    ),
    Command(
        "open.timeline",
        "Timeline: what happened, when, and who did it",
        lambda desk, _: desk.pages.open_timeline(None),
        ("L",),
        ("timeline",),
        bound=OBJECTS | {ScreenId.SOURCES, ScreenId.AUDIT},
    ),
    Command(
        "open.audit",
        "Audit log: who changed what, when and why",
        lambda desk, _: desk.pages.open_audit(),
        names=("audit",),
    ),
    *SCOPE,
    *PAST,
    Command(
        "view.others",
        "Show or hide everything that serves no model: other workloads, nodes without GPUs",
        on_screen.call(HidesOthers.toggle_others),
        ("a",),
        ("all",),
        TABLES,
        "all",
        needs=HidesOthers,
    ),
    *(
        Command(
            f"view.only_{name}",
            title,
            on_screen.call(ShowsSome.show_only, which),
            (key,),
            where=frozenset({ScreenId.NODES}),
            hint=hint,
            needs=ShowsSome,
        )
        for name, key, which, title, hint in (
            ("free", "e", FREE, "Only free GPUs", "free"),
            ("sick", "x", SICK, "Only unhealthy GPUs, and those of pods with problems", "sick"),
            ("model", "equals_sign", "model", "Only GPUs of the model under the cursor", "this model"),
        )
    ),
    *_sorts(),
    *READING,
    *COPYING,
    Command(
        "console.filter",
        "Filter, or search in text",
        lambda desk, _: desk.line.ask_filter(),
        ("slash",),
        where=_NARROWED,
        hint="filter",
        hints=dict.fromkeys(TEXTS, "search"),
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
    *THEMING,
    Command("console.refresh", "Measure now", lambda desk, _: desk.session.refresh(), ("ctrl+r",), ("refresh",)),
    Command("console.back", "Back", on_screen.back, ("escape", "q"), ("back",), hint="back"),
    Command(
        "console.suspend", "Suspend to the shell; fg returns", lambda desk, _: desk.navigator.suspend(), ("ctrl+z",)
    ),
    Command(
        "console.quit", "Quit", lambda desk, _: desk.leave(), ("ctrl+c", "ctrl+q"), ("q", "quit", "exit", "q!", "quit!")
    ),
)

BY_ID: Mapping[str, Command] = {command.id: command for command in TABLE}
NAMES = tuple(dict.fromkeys(name for command in TABLE for name in command.names))


def by_name(name: str, where: ScreenId) -> Command | None:
    """Return the command of this name: if several have it (``drain``), the one that works on this screen."""
    every = [command for command in TABLE if name in command.names]
    return next((command for command in every if where in command.where), every[0] if every else None)


def commands_for(where: ScreenId) -> tuple[Command, ...]:
    """The commands of a screen, in the order of the table."""
    return tuple(command for command in TABLE if where in command.where)


def bound_on(where: ScreenId) -> tuple[Command, ...]:
    """Return the commands whose keys are bound on a screen."""
    return tuple(c for c in commands_for(where) if c.keys and (c.bound is None or where in c.bound))
