"""Commands for reading: logs, documents, pages of text."""

from __future__ import annotations

from collections.abc import Iterator

from console.commands import on_object, on_screen
from console.commands.capabilities import Foldable, Followable, Linked, LogText, PodLog, Savable, Searchable, Wrappable
from console.commands.command import Command, ScreenId
from fleet.model.counting import count

TEXTS = frozenset(
    {
        ScreenId.LOGS,
        ScreenId.TEXT,
        ScreenId.DOCUMENT,
        ScreenId.HELP,
        ScreenId.DETAIL,
        ScreenId.INCIDENT,
        ScreenId.SOURCES,
        ScreenId.ALERT,
        ScreenId.MONITORING,
        ScreenId.LOCAL_SERVER,
        ScreenId.LOCAL_LOG,
        ScreenId.BENCHES,
        ScreenId.WHY,
    }
)
# Pages of objects fit the available width, and there w explains latency.
_WRAPPED = TEXTS - {ScreenId.INCIDENT, ScreenId.DETAIL, ScreenId.WHY}
_LOGS = frozenset({ScreenId.LOGS, ScreenId.LOCAL_LOG})


def _log_ranges() -> Iterator[Command]:
    """The ranges of k9s, on its keys."""
    family = "The last lines, or those of the last 1m, 5m, 15m, 30m, 1h"
    ranges = {"0": 0, "2": 60, "3": 300, "4": 900, "5": 1800, "6": 3600}
    for key, seconds in ranges.items():
        title = f"The log of the last {count(seconds // 60, 'minute')}" if seconds else "The last lines of the log"
        name = f"view.log_{seconds // 60}m" if seconds else "view.log_tail"
        run, where = on_screen.call(PodLog.read_since, seconds), frozenset({ScreenId.LOGS})
        yield Command(name, title, run, (key,), where=where, family=family, needs=PodLog)


READING: tuple[Command, ...] = (
    Command(
        "view.follow",
        "Follow",
        on_screen.call(Followable.toggle_follow),
        ("f", "s"),
        where=_LOGS,
        hint="follow",
        needs=Followable,
    ),
    Command(
        "view.wrap",
        "Wrap lines",
        on_screen.call(Wrappable.toggle_wrap),
        ("w",),
        where=_WRAPPED,
        hint="wrap",
        needs=Wrappable,
    ),
    Command(
        "view.container",
        "Next container",
        on_screen.call(PodLog.next_container),
        ("c",),
        where=frozenset({ScreenId.LOGS}),
        hint="container",
        needs=PodLog,
    ),
    Command(
        "view.timestamps",
        "When each line was written (UTC)",
        on_screen.call(PodLog.toggle_timestamps),
        ("t",),
        where=frozenset({ScreenId.LOGS}),
        needs=PodLog,
    ),
    *_log_ranges(),
    Command(
        "view.next_error",
        "The first error in the log, then the next",
        on_screen.call(LogText.step_error, 1),
        ("e",),
        where=_LOGS,
        hint="error",
        needs=LogText,
    ),
    Command(
        "view.previous_error",
        "The previous error",
        on_screen.call(LogText.step_error, -1),
        ("E",),
        where=_LOGS,
        needs=LogText,
    ),
    Command(
        "view.together",
        "All pods of the workload in one log, or the one pod",
        on_screen.call(PodLog.toggle_together),
        ("a",),
        where=frozenset({ScreenId.LOGS}),
        hint="all pods",
        needs=PodLog,
    ),
    Command(
        "view.fold",
        "Fold: blocks of a document, or the line prefixes of a log",
        on_screen.call(Foldable.toggle_folding),
        ("x",),
        where=_LOGS | {ScreenId.DOCUMENT},
        hints={ScreenId.DOCUMENT: "fold"},
        needs=Foldable,
    ),
    Command(
        "view.next_link",
        "The next object named",
        on_screen.call(Linked.step_link, 1),
        ("tab",),
        where=frozenset({ScreenId.DOCUMENT}),
        hint="names",
        needs=Linked,
        available=on_object.needs_link,
    ),
    Command(
        "view.previous_link",
        "The previous object named",
        on_screen.call(Linked.step_link, -1),
        ("shift+tab",),
        where=frozenset({ScreenId.DOCUMENT}),
        needs=Linked,
        available=on_object.needs_link,
    ),
    Command(
        "view.open_link",
        "Describe the selected object",
        on_screen.call(Linked.open_link),
        ("enter",),
        where=frozenset({ScreenId.DOCUMENT}),
        needs=Linked,
        available=on_object.needs_link,
    ),
    Command(
        "view.save",
        "Save all lines to a file",
        on_screen.call(Savable.save),
        ("ctrl+s",),
        where=_LOGS,
        needs=Savable,
    ),
    Command("view.clear", "Clear", on_screen.call(Followable.clear), ("C",), where=_LOGS, needs=Followable),
    Command(
        "view.next_match", "Next match", on_screen.call(Searchable.step_match, 1), ("n",), where=TEXTS, needs=Searchable
    ),
    Command(
        "view.previous_match",
        "Previous match",
        on_screen.call(Searchable.step_match, -1),
        ("N",),
        where=TEXTS,
        needs=Searchable,
    ),
)
