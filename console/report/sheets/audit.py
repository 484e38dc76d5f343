"""The audit log as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actions.request import shown_kind
from console.report.sheets.sheet import DATA, WIDE, Sheet, SheetColumn, SheetRow, moment, words
from widgets.untrusted import untrusted, untrusted_line

if TYPE_CHECKING:
    # In read-only mode no code that acts is imported.
    from actions.audit.history import RecordedAction


def actions_sheet(actions: Sequence[RecordedAction]) -> Sheet:
    """Return the table of actions in the audit log, oldest first; ``audit show`` prints more of each."""
    columns = (
        SheetColumn("began", "TIME"), SheetColumn("person", "WHO", least=8), SheetColumn("action", "", shown=DATA),
        SheetColumn("title", "WHAT", least=20), SheetColumn("outcome", "OUTCOME", least=10),
        SheetColumn("reason", "REASON", least=10, priority=1), SheetColumn("namespace", "", shown=DATA),
        SheetColumn("target", "TARGET", shown=WIDE), SheetColumn("context", "CONTEXT", shown=WIDE),
        SheetColumn("id", "ID", shown=WIDE),
    )  # fmt: skip

    def row(one: RecordedAction) -> SheetRow:
        kind, name = str(one.intent.target.get("kind") or ""), str(one.intent.target.get("name") or "")
        target = untrusted(f"{shown_kind(kind).lower()}/{name}")
        cells = (
            moment(one.began),
            words(untrusted(one.person)),
            words(untrusted(one.intent.kind)),
            words(untrusted_line(one.title)),
            words(untrusted_line(one.outcome)),
            words(untrusted_line(one.intent.reason)),
            words(untrusted(str(one.intent.target.get("namespace") or ""))),
            words(target),
            words(untrusted(str(one.intent.scope.get("context") or ""))),
            words(untrusted(one.id)),
        )
        return SheetRow(one.id, target, cells)

    return Sheet(columns, tuple(map(row, actions)))
