"""The audit log on the screen: the state of its chain, a row per action, and the details of one action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from actions.audit.history import RecordedAction
from actions.audit.opened_logs import Opened
from actions.audit.words import RecordFact, Tone, everything, moment, opened_text, outcome_tone
from console.views.filter import Filter
from console.views.layout import wrapped
from fleet.dataclass import dataclass
from fleet.model.counting import count
from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Line, Span, folded
from widgets.untrusted import untrusted, untrusted_line

_COLUMNS = (
    GridColumn("when", "WHEN (UTC)", 22, align="left", priority=0),
    GridColumn("what", "WHAT", 18, align="left", grow=6, widest=48, priority=0),
    GridColumn("result", "RESULT", 12, align="left", priority=1),
    GridColumn("who", "WHO", 12, align="left", grow=2, widest=32, priority=2),
    GridColumn("target", "TARGET", 18, align="left", grow=2, widest=48, priority=4),
    GridColumn("reason", "REASON", 10, align="left", grow=2, widest=40, priority=3, explains=True),
)

ROLES: Mapping[Tone, Role] = {
    Tone.PLAIN: Role.TEXT,
    Tone.GOOD: Role.OK,
    Tone.BAD: Role.ERROR,
    Tone.UNKNOWN: Role.UNKNOWN,
}
_SEVERITIES: Mapping[Tone, Severity] = {
    Tone.PLAIN: Severity.STARTING,
    Tone.GOOD: Severity.OK,
    Tone.BAD: Severity.CRITICAL,
    Tone.UNKNOWN: Severity.UNKNOWN,
}
_MOST = 4
"""Lines for the chain: a log may have been torn many times."""


def chain_lines(folder: Path, opened: Opened, width: int, until: float | None = None) -> list[Line]:
    """Return the lines about the verification of the log, and its place; ``until`` is the moment in view, if past."""
    lines: list[Line] = []
    for fact in opened_text(opened):
        role = Role.DIM if fact.tone is Tone.PLAIN else ROLES[fact.tone]
        lines += [Line((Span(f" {part}", role),)) for part in folded(untrusted(fact.text), max(20, width - 2))]
    if len(lines) > _MOST:
        more = f" … and {count(len(lines) - _MOST + 1, 'more line')}: quarterdeck audit verify"
        lines = [*lines[: _MOST - 1], Line((Span(more, Role.DIM),))]
    if until is not None:
        begun = f" actions begun by {moment(until)}, with their results as of now, like the log and its chain"
        lines.append(Line((Span(begun, Role.ACCENT),)))
    return [*lines, Line((Span(f" {untrusted(str(folder))}", Role.DIM),))]


@dataclass(frozen=True, slots=True, eq=False)
class AuditModel:
    """A GridModel of recorded actions (by id)."""

    actions: Mapping[str, RecordedAction]
    groups: Sequence[RowGroup]
    waiting: str = ""
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = _COLUMNS

    def row(self, key: str) -> GridRow:
        action = self.actions[key]
        tone = outcome_tone(action)
        cells = (
            Text(moment(action.began).removesuffix("Z")),
            Text(untrusted(action.title)),
            Text(untrusted(action.outcome), ROLES[tone]),
            Text(untrusted(action.person)),
            Name(untrusted(action.intent.target_name), Role.DIM),
            Text(untrusted(action.intent.reason), Role.DIM),
        )
        return GridRow(key, cells, _SEVERITIES[tone])


def audit_model(actions: Mapping[str, RecordedAction], wanted: Filter, until: float | None = None) -> AuditModel:
    """Return the actions that pass the filter and began ``until`` then, latest first."""
    begun = [action for action in actions.values() if until is None or action.began <= until]
    latest = sorted(begun, key=lambda action: -action.began)
    groups = [RowGroup(action.id) for action in latest if not wanted or _matches(action, wanted)]
    return AuditModel(actions, groups, "no recorded action matches" if wanted else "no action is recorded")


def _matches(action: RecordedAction, wanted: Filter) -> bool:
    words = (
        moment(action.began),
        action.person,
        action.title,
        action.intent.target_name,
        action.outcome,
        action.intent.reason,
    )
    labels = {"action": action.intent.kind, "person": action.person, "result": action.outcome}
    return wanted.matches(" ".join(words), labels)


def action_lines(action: RecordedAction, width: int, glyphs: Glyphs) -> list[Line]:
    """Everything of one action, as a page."""
    del glyphs
    title = Line(
        (
            Span(f" {untrusted(action.title)}", Role.STRONG),
            Span(f"  {untrusted(action.outcome)}", ROLES[outcome_tone(action)]),
        )
    )
    return [title, *(line for fact in everything(action) for line in _fact_lines(fact, width))]


def _fact_lines(fact: RecordFact, width: int) -> list[Line]:
    lines: list[Line] = []
    for i, part in enumerate(fact.text.splitlines()):
        lines += wrapped("" if i else fact.label, untrusted_line(part), width, ROLES[fact.tone])
    return lines
