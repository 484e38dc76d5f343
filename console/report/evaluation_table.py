"""An evaluation as tables: for a terminal, and as Markdown for documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from console.report.evaluation import parted
from fleet.evaluation.score import CaseScore
from fleet.evaluation.totals import GOALS, Goal, Totals, by_kind, is_right, totals

Row = Sequence[str]


def lines(cases: Sequence[CaseScore], *, each: bool = False) -> Iterator[str]:
    """Lines of an evaluation; with ``each`` also every case that went wrong and is not held out."""
    seen, held_out = parted(cases)
    yield from _aligned(_scores(seen, held_out))
    yield ""
    yield from _aligned(_kinds(seen))
    if each:
        yield ""
        for case in seen:
            if not is_right(case) or case.wrong:
                yield from _case(case)


def markdown(cases: Sequence[CaseScore]) -> Iterator[str]:
    """The same tables for a document."""
    seen, held_out = parted(cases)
    yield from _marked(_scores(seen, held_out))
    yield ""
    yield from _marked(_kinds(seen))


def _scores(seen: Sequence[CaseScore], held_out: Sequence[CaseScore]) -> list[Row]:
    """The scores of both side by side, and the goals."""
    known, hidden = totals(seen), totals(held_out)
    rows: list[Row] = [("", "kinds seen", "kinds held out", "goal", "reached (seen / held out)")]
    rows.append(("cases with one fault", str(known.cases), str(hidden.cases), "", ""))
    rows.append(("… with two at once", str(known.compound), str(hidden.compound), "", ""))
    calm = [f"{one.calm} ({one.calm_hours:.1f} h)" for one in (known, hidden)]
    rows.append(("… that are calm", *calm, "", ""))
    rows += [
        (goal.name, _value(goal, known), _value(goal, hidden), _wanted(goal), _reached(goal, known, hidden))
        for goal in GOALS
    ]
    for name, of_seen, of_hidden in (
        ("cause named, at any object", known.cause_right, hidden.cause_right),
        ("both named and nothing else, of two at once", known.exact, hidden.exact),
        ("an acceptable action is offered", known.helped, hidden.helped),
        ("calm cases without a finding", known.calm_right, hidden.calm_right),
    ):
        rows.append((name, _share(of_seen), _share(of_hidden), "", ""))
    rows.append(("findings beside the faults", str(known.wrong), str(hidden.wrong), "", ""))
    rows.append(("shown after the onset, median and p95", _times(known), _times(hidden), "", ""))
    rows.append(("fires after the onset, median", _seconds(known.firing_after), _seconds(hidden.firing_after), "", ""))
    return rows


def _kinds(seen: Sequence[CaseScore]) -> list[Row]:
    rows: list[Row] = [("kind", "right", "evidence", "shown after", "said instead, or beside")]
    for kind, cases in by_kind(seen).items():
        found = totals(cases)
        rows.append(
            (
                kind,
                f"{sum(map(is_right, cases))}/{len(cases)}",
                _share(found.evidence),
                _seconds(found.pending_after),
                ", ".join(sorted(set(_instead(cases)))) or "–",
            )
        )
    return rows


def _instead(cases: Iterable[CaseScore]) -> Iterator[str]:
    for case in cases:
        if not is_right(case) and not case.truth.is_calm and len(case.faults) == 1:
            yield case.first.cause if case.first is not None else "nothing"
        yield from (f"+{incident.cause}" for incident in case.wrong)


def _case(case: CaseScore) -> Iterator[str]:
    first = f"{case.first.object}: {case.first.words} ({case.first.cause})" if case.first else "nothing"
    yield f"{case.name}: {'right' if is_right(case) else 'first line: ' + first}"
    for fault, found in zip(case.truth.faults, case.faults, strict=True):
        if not found.named:
            yield f"  not named: {' or '.join(fault.cause) or fault.says} at {' or '.join(fault.object[:2])}"
    for incident in case.wrong:
        yield f"  beside: {incident.object}: {incident.words} ({incident.cause})"


def _value(goal: Goal, found: Totals) -> str:
    value = goal.of(found)
    if value is None:
        return "–"
    return f"{value:.0f}" if goal.at_most is not None else _share(value)


def _wanted(goal: Goal) -> str:
    return f"≤ {goal.at_most:.0f}" if goal.at_most is not None else f"≥ {_share(goal.at_least)}"


def _reached(goal: Goal, seen: Totals, held_out: Totals) -> str:
    """Return whether each of both reaches a goal; a mean of both would let one hide the other."""
    known, hidden = map(_yes, (goal.reached(seen), goal.reached(held_out)))
    return f"{known} / {hidden}" if hidden else known


def _yes(reached: bool | None) -> str:
    return "" if reached is None else "yes" if reached else "no"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} s"


def _times(found: Totals) -> str:
    return "–" if found.pending_after is None else f"{found.pending_after:.0f} s, {found.pending_late or 0:.0f} s"


def _aligned(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _marked(rows: Sequence[Row]) -> Iterator[str]:
    head, *rest = rows
    for row in (head, ["---"] * len(head), *rest):
        yield f"| {' | '.join(row)} |"
