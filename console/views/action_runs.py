"""Running and finished actions: one as a page, all of them as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeGuard

from actions.running.action_run import ActionRun
from actions.running.progress import Load, Outcome, Progress, Result
from console.views.filter import Filter
from console.views.layout import followed, head, labelled, sections, wrapped
from console.views.plan import place
from console.views.severity_since import clock
from fleet.dataclass import dataclass
from fleet.model.counting import count
from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.bar import bar_spans
from widgets.cells import Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Line, Span
from widgets.line_parts import LinePart, arrange
from widgets.untrusted import untrusted
from widgets.values import age_text, percent_text, seconds_text, significant

BAR = 20
_RESULTS = {
    Result.CONVERGED: (Severity.OK, Role.OK),
    Result.FAILED: (Severity.CRITICAL, Role.ERROR),
    Result.TIMED_OUT: (Severity.CRITICAL, Role.ERROR),
    Result.CONFLICT: (Severity.WARNING, Role.WARNING),
    Result.STOPPED: (Severity.WARNING, Role.WARNING),
}


def announcement(action_run: ActionRun) -> tuple[str, Role]:
    """Return the message about a finished action, for any screen. Raises ValueError before its end."""
    outcome = action_run.outcome
    if outcome is None:
        raise ValueError("it is still running")
    words = "; ".join(_outcome_text(outcome).splitlines())
    return untrusted(f"{action_run.plan.title}: {words}"), _RESULTS[outcome.result][1]


def _outcome_text(outcome: Outcome) -> str:
    """The result and its words, which may begin with the result."""
    result = outcome.result.value
    if outcome.text.startswith(result):
        return outcome.text
    return f"{result}, {outcome.text}" if outcome.text else result


def under_way(action_runs: Sequence[ActionRun]) -> tuple[ActionRun, ...]:
    """Return the runs that are not over."""
    return tuple(run for run in action_runs if run.outcome is None)


def going_on(action_runs: Sequence[ActionRun]) -> list[str]:
    """Return, for a user who quits, what stops with this program, and what the cluster continues to do."""
    running = under_way(action_runs)
    what = "1 action is" if len(running) == 1 else f"{count(len(running), 'action')} are"
    return [
        f"{what} still running. When this program ends, nothing more of it is executed or recorded.",
        *(f"{untrusted(run.plan.title)}: {_so_far(run)}" for run in running),
        f"What was sent stays sent: {_who_goes_on(running)} by itself. The audit log has what was done.",
    ]


def _who_goes_on(running: Sequence[ActionRun]) -> str:
    here = {run.plan.target.is_server for run in running}
    if here == {True}:
        return "a server that is loading or stopping continues"
    return "the cluster, or the server, continues with it" if True in here else "the cluster continues with it"


def _so_far(action_run: ActionRun) -> str:
    latest, steps = action_run.latest, action_run.plan.steps
    if latest is None:
        return "nothing has been sent yet"
    step = steps[min(latest.step, len(steps) - 1)].title if steps else ""
    return untrusted(f"step {latest.step + 1} of {len(steps)}, {step}" + (f", {latest.text}" if latest.text else ""))


def action_run_title(action_run: ActionRun, now: float, width: int, glyphs: Glyphs) -> Line:
    """Return one line: action, state, place."""
    plan, outcome = action_run.plan, action_run.outcome
    if outcome is None:
        state = Span(f"under way for {age_text(max(0.0, now - action_run.begun))}", Role.STARTING)
    else:
        state = Span(outcome.result.value, _RESULTS[outcome.result][1])
    where = LinePart((Span(place(plan, glyphs), Role.STRONG),), 1)
    right = [where]
    if plan.scope.production:
        right.append(LinePart((Span("PRODUCTION", Role.CRITICAL),), short=(Span("PROD", Role.CRITICAL),)))
    return arrange([LinePart((Span(untrusted(plan.title), Role.STRONG),)), LinePart((state,))], right, width)


def action_run_lines(action_run: ActionRun, width: int, glyphs: Glyphs, why_not: str = "") -> list[Line]:
    """Return the steps with their states, the outcome, the effect on users before and after, and the undo.

    ``why_not``: why it cannot be undone now, empty if it can.
    """
    plan, outcome = action_run.plan, action_run.outcome
    steps: list[Line] = []
    by_step = {progress.step: progress for progress in action_run.progress}
    for index, step in enumerate(plan.steps):
        steps += _step(index, untrusted(step.title), by_step.get(index), action_run, width, glyphs)
    return sections(
        steps,
        _outcome(outcome, width) if outcome is not None else [],
        _effect(outcome, glyphs) if outcome is not None else [],
        [
            *wrapped("reason", untrusted(action_run.reason), width),
            labelled("begun", Span(clock(action_run.begun))),
            *wrapped("undo", f"{untrusted(plan.undo.text)}{_promise(action_run, why_not)}", width),
        ],
    )


def _promise(action_run: ActionRun, why_not: str) -> str:
    """Return what z would undo."""
    if action_run.outcome is None or action_run.plan.undo.request is None:
        return ""
    return f"  (not by z: {untrusted(why_not)})" if why_not else "  (z plans it)"


def _step(
    index: int, title: str, progress: Progress | None, action_run: ActionRun, width: int, glyphs: Glyphs
) -> list[Line]:
    outcome, latest = action_run.outcome, action_run.latest
    at = latest.step if latest is not None else 0
    done = index < at or (outcome is not None and outcome.ok)
    here = index == at and not done
    if done:
        glyph = Span(glyphs.mark, Role.OK)
    elif here and outcome is None:
        glyph = Span(glyphs.starting, Role.STARTING)
    elif here and outcome is not None:
        glyph = Span(glyphs.critical, _RESULTS[outcome.result][1])
    else:
        glyph = Span(glyphs.gone, Role.DIM)
    role = Role.TEXT if done else Role.STRONG if here else Role.DIM
    lines = [Line((Span("   "), glyph, Span(f" {index + 1}  ", Role.DIM), Span(title, role)))]
    if progress is None:
        return lines
    if progress.total > 0 and not done:
        lines.append(_bar(progress, glyphs))
    if progress.text:
        text = untrusted(progress.text)
        if here and outcome is None and progress.total <= 0 and progress.eta is not None:
            text += f", {_time_left(progress.eta)}"
        lines += followed((Span(" " * 8),), text, Role.DIM if done else Role.TEXT, width, 8)
    return lines


def _time_left(eta: float) -> str:
    return f"about {age_text(max(0.0, eta))} more"


def _bar(progress: Progress, glyphs: Glyphs) -> Line:
    spans = [
        Span(" " * 8),
        *bar_spans(progress.done / progress.total, BAR, Role.BAR, glyphs),
        Span(f" {significant(progress.done)} of {significant(progress.total)}"),
    ]
    if progress.eta is not None:
        spans.append(Span(f"   {_time_left(progress.eta)}", Role.DIM))
    return Line(tuple(spans))


def outcome_lines(outcome: Outcome, width: int, glyphs: Glyphs) -> list[Line]:
    """Return how an action ended, and the effect on users before and after, for the command line."""
    return sections(_outcome(outcome, width), _effect(outcome, glyphs))


def _outcome(outcome: Outcome, width: int) -> list[Line]:
    role = _RESULTS[outcome.result][1]
    lines = [
        line
        for text in _outcome_text(outcome).splitlines()
        for line in followed((Span("   "),), untrusted(text), role, width, 6)
    ]
    if outcome.remedy:
        lines += followed((Span("   "),), untrusted(outcome.remedy), Role.TEXT, width, 6)
    return lines


def _effect(outcome: Outcome, glyphs: Glyphs) -> list[Line]:
    before, after = outcome.before, outcome.after
    if before is None or after is None:
        return []
    if _unmeasured(before) and _unmeasured(after):
        return []
    if _unmeasured(before) or _unmeasured(after):
        when = "was measured before" if _unmeasured(before) else "is measured now"
        return [
            head("effect on users"),
            Line((Span(f"   nothing {when}, so there is nothing to compare", Role.DIM),)),
        ]
    rows = [
        ("queue", _numbers(before.waiting, after.waiting, significant, glyphs)),
        ("TTFT p95", _numbers(before.ttft_p95, after.ttft_p95, seconds_text, glyphs)),
        ("errors", _numbers(before.error_ratio, after.error_ratio, lambda r: f"{percent_text(r)}%", glyphs)),
    ]
    shown = [labelled(name, span) for name, span in rows if span is not None]
    return [head("effect on users", f"before {glyphs.right} now"), *shown]


def _unmeasured(load: Load) -> bool:
    return not any(_is_number(value) for value in (load.waiting, load.ttft_p95, load.error_ratio))


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and not math.isnan(value)


def _numbers(before: float | None, after: float | None, text: Callable[[float], str], glyphs: Glyphs) -> Span | None:
    """Return two numbers to compare; a single one is marked as such, and None means none."""
    if not _is_number(before):
        return Span(f"{text(after)} now, not measured before") if _is_number(after) else None
    if not _is_number(after):
        return Span(f"{text(before)} before, not measured now")
    worse = after > before * 1.1 and after - before > 1e-3
    return Span(f"{text(before)} {glyphs.right} {text(after)}", Role.WARNING if worse else Role.TEXT)


_COLUMNS = (
    GridColumn("what", "ACTION", 34, align="left", grow=3, widest=80, priority=0),
    GridColumn("state", "STATE", 24, align="left", grow=2, widest=70, priority=1, explains=True),
    GridColumn("begun", "BEGUN", 6, priority=2),
    GridColumn("reason", "REASON", 14, align="left", grow=1, widest=40, priority=3),
)


@dataclass(frozen=True, slots=True, eq=False)
class ActionsModel:
    """A GridModel of the actions of this session, newest first; keys are their ids."""

    action_runs: Sequence[ActionRun]
    filter: Filter
    waiting: str = "nothing was done in this session\n:audit shows what was done before, and by others"
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = _COLUMNS

    @property
    def groups(self) -> Sequence[RowGroup]:
        shown = [run for run in self.action_runs if not self.filter or self.filter.matches(run.plan.title, {})]
        return [RowGroup(run.id) for run in shown]

    def row(self, key: str) -> GridRow:
        found = next(run for run in self.action_runs if run.id == key)
        outcome = found.outcome
        severity, role = _RESULTS[outcome.result] if outcome is not None else (Severity.STARTING, Role.STARTING)
        state = outcome.result.value if outcome is not None else _so_far(found)
        return GridRow(
            key,
            (
                Text(untrusted(found.plan.title)),
                Text(state, role),
                Text(clock(found.begun), Role.DIM),
                Text(untrusted(found.reason), Role.DIM),
            ),
            severity,
        )
