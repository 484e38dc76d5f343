"""A plan as a page: its effects, the checks against it, its changes, its undo.

The words are shared with the command line; texts from the cluster (names, error messages, diffs) are untrusted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from actions.planning.plan import Alternative, Change, Check, CheckTable, Mutation, Plan, Step, Verdict
from console.views.layout import followed, head, labelled, sections
from fleet.local.fit.memory import gib
from fleet.model.counting import count
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Align, Line, Span, fit, fit_end, width_of
from widgets.line_parts import LinePart, arrange
from widgets.text_pane import wrap
from widgets.untrusted import untrusted, untrusted_name

ABOUT = 16
"""Cells for the subject of a check."""
STEP = 26
"""Most cells for a step's title, if there is room for its detail beside it."""
_LAST = 16
"""Cells that a table's last column has at least."""
_NUMBER = re.compile(r"[-+~≤≥]?\d[\d.,]*\s?(?:[%×x]|[KMGT]?i?B|[a-z]{1,4}|)")
"""A number with its unit."""
_WORST = {Verdict.BLOCK: 0, Verdict.WARN: 1, Verdict.PASS: 2}
_ROLES = {Verdict.BLOCK: Role.CRITICAL, Verdict.WARN: Role.WARNING, Verdict.PASS: Role.OK}


def verdict_span(verdict: Verdict, glyphs: Glyphs) -> Span:
    """The glyph of a check."""
    drawn = {Verdict.BLOCK: glyphs.critical, Verdict.WARN: glyphs.warning, Verdict.PASS: glyphs.ok}
    return Span(drawn[verdict], _ROLES[verdict])


def place(plan: Plan, glyphs: Glyphs) -> str:
    """``prod-eu1 › serving``; of several objects all their namespaces, but for those beyond the second."""
    where = untrusted(plan.scope.context or plan.scope.server)
    found = list(dict.fromkeys(untrusted_name(one.namespace) for one in plan.request.targets if one.namespace))
    more = f" and {len(found) - 2} more" if len(found) > 2 else ""
    return f"{where} {glyphs.inside} {', '.join(found[:2])}{more}" if found else where


def plan_title(plan: Plan, width: int, glyphs: Glyphs) -> Line:
    """Return one line: action, place, identity, and whether the place is production."""
    where = place(plan, glyphs)
    right = [LinePart((Span(untrusted(plan.scope.user), Role.DIM),), 2), LinePart((Span(where, Role.STRONG),), 1)]
    if plan.scope.production:
        right.append(LinePart((Span("PRODUCTION", Role.CRITICAL),), short=(Span("PROD", Role.CRITICAL),)))
    return arrange([LinePart((Span(untrusted(plan.title), Role.STRONG),))], right, width)


def planning_line(read: int = 0, size: int = 0) -> Line:
    """Return the line shown during planning: the progress of reading the weights, in bytes, if that takes long."""
    far = f": {reading_text(read, size)}" if size else ""
    return Line((Span(f" planning …{far}", Role.DIM),))


def reading_text(read: int, size: int) -> str:
    """``weights read for their checksums: 12.3 GiB of 140.0 GiB (9 %)``."""
    return f"weights read for their checksums: {gib(read)} of {gib(size)} ({100 * read // size} %)"


def plan_lines(
    plan: Plan,
    width: int,
    glyphs: Glyphs,
    *,
    diff: bool = False,
    requests: bool = False,
    news: Sequence[str] = (),
    keys: bool = True,
    checks_first: bool = False,
) -> list[Line]:
    """Return the page. ``news``: differences from the plan that the user saw before. ``keys``: keys can be pressed.

    ``checks_first``: if not everything fits, the checks come first, then alternatives, and the steps last.
    """
    steps, instead = list(_steps(plan.steps, width)), _alternatives(plan.alternatives, width, keys=keys)
    against = [check for check in plan.checks if check.verdict is not Verdict.PASS] if checks_first else []
    checks = [check for check in plan.checks if check not in against]
    return sections(
        [Line((Span(f" {glyphs.warning} ", Role.WARNING), Span(line, Role.WARNING))) for line in _news(news)],
        [] if checks_first else steps,
        list(_changes(plan.changes, width, glyphs)),
        [*_checks(against, width, glyphs), *(instead if against else [])],
        list(_checks(checks, width, glyphs)),
        steps if checks_first else [],
        _impact(plan.impact, width, glyphs),
        *(table_lines(table, width, glyphs) for table in plan.tables),
        [] if against else instead,
        _undo(plan, width),
        [head("what changes in the object"), *diff_lines(plan.diff, width)] if diff else [],
        [head("requests that will be sent"), *request_lines(plan.mutations, width)] if requests else [],
    )


def differences(before: Plan, after: Plan) -> list[str]:
    """Return the relevant differences between two plans; not numbers of load, which always change."""
    texts: list[str] = []
    if after.title != before.title:
        texts.append(f"it is now: {untrusted(after.title)}")
    known = {check.about: check for check in before.checks}
    for check in after.checks:
        was = known.pop(check.about, None)
        if was is None or was.verdict is not check.verdict:
            texts.append(f"{check.about}: {untrusted(check.text)}" + (f" (was {was.verdict.value})" if was else ""))
    texts += [f"{about}: no longer checked" for about in known]
    if _bodies(before.mutations) != _bodies(after.mutations):
        texts.append("the requests have changed, because the target has changed")
    elif before.changes != after.changes or before.diff != after.diff:
        texts.append("the changes are different now")
    return texts


def summary_of(plan: Plan) -> str:
    """The checks in a few words: ``2 checks forbid it``."""
    blocks, warns = len(plan.blocks), sum(check.verdict is Verdict.WARN for check in plan.checks)
    if blocks:
        return count(blocks, "check forbids it", "checks forbid it")
    if warns:
        return count(warns, "warning")
    return "no objections"


def _bodies(mutations: Iterable[Mutation]) -> list[object]:
    """Return what is sent, except for the time in the note on the target."""
    return [(m.method, m.path, m.body) for m in mutations if m.method != "POST" or not m.path.endswith("/events")]


def _news(news: Sequence[str]) -> list[str]:
    return ["The plan was made again before anything was sent. Different now:", *news] if news else []


def _steps(steps: Iterable[Step], width: int) -> Iterable[Line]:
    for number, step in enumerate(steps, 1):
        title = untrusted(step.title)
        lead = Span(f"   {number}  ", Role.DIM)
        yield from _numbered(lead, fit(title, max(STEP, width_of(title)), "left", ""), untrusted(step.detail), width)


def _numbered(lead: Span, title: str, detail: str, width: int) -> list[Line]:
    """Return a title with its detail beside it, or below it if the title takes most of the line."""
    if width_of(title) <= width // 2:
        return followed((lead, Span(f"{title}  ")), detail, Role.DIM, width, 6)
    below = followed((Span(" " * 6),), detail, Role.DIM, width, 6) if detail else []
    return [*followed((lead,), title, Role.TEXT, width, 6), *below]


def change_text(change: Change, glyphs: Glyphs) -> str:
    """Return ``3 → 5``; without a previous value, the new state."""
    before, after = untrusted(change.before), untrusted(change.after)
    return f"{before} {glyphs.right} {after}" if before else after


def _changes(changes: Sequence[Change], width: int, glyphs: Glyphs) -> Iterable[Line]:
    names = [untrusted(change.what) for change in changes]
    # Wide enough for every name, up to a third of the line.
    cells = max(ABOUT, min(width // 3, max(map(width_of, names), default=0)))
    for name, change in zip(names, changes, strict=True):
        lead = (Span(f"   {fit(name, cells, 'left', glyphs.ellipsis)} ", Role.DIM),)
        words = change_text(change, glyphs)
        yield from followed(lead, words, Role.STRONG, width, cells + 4)


def _checks(checks: Iterable[Check], width: int, glyphs: Glyphs) -> Iterable[Line]:
    for check in sorted(checks, key=lambda check: _WORST[check.verdict]):
        lead = (
            Span("   "),
            verdict_span(check.verdict, glyphs),
            Span(f" {fit(untrusted(check.about), ABOUT, 'left', glyphs.ellipsis)} "),
        )
        role = Role.TEXT if check.verdict is Verdict.PASS else _ROLES[check.verdict]
        yield from followed(lead, untrusted(check.text), role, width, ABOUT + 6)
        if check.fix:
            fix = (Span(" " * (ABOUT + 6)), Span(f"{glyphs.right} ", Role.DIM))
            yield from followed(fix, untrusted(check.fix), Role.TEXT, width, ABOUT + 8)


def _impact(impact: Sequence[Change], width: int, glyphs: Glyphs) -> list[Line]:
    if not impact:
        return []
    return [head("load on the others", "from the last ten minutes"), *_changes(impact, width, glyphs)]


def table_lines(table: CheckTable, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a table with its title: numbers are right-aligned; a long last cell continues below.

    If its columns do not fit, each row is a sentence. Nothing is cut.
    """
    rows = [tuple(untrusted(cell) for cell in row) for row in (table.head, *table.rows)]
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    sides = [_side(column[1:]) for column in zip(*rows, strict=True)]
    indent = 3 + sum(size + 2 for size in widths[:-1])
    lines = [head(untrusted(table.title))]
    for number, row in enumerate(rows):
        role = Role.TEXT if number else Role.HEAD
        if indent + min(widths[-1], _LAST) > width:
            lines += followed((Span("   "),), f" {glyphs.between} ".join(filter(None, row)), role, width, 5)
            continue
        cells = [fit(cell, size, side, "") for cell, size, side in zip(row, widths, sides, strict=True)]
        lead = (Span("   "), *(Span(f"{cell}  ", role) for cell in cells[:-1]))
        if indent + widths[-1] <= width:
            lines.append(Line((*lead, Span(cells[-1].rstrip(), role))))
        else:
            lines += followed(lead, row[-1], role, width, indent)
    return lines


def _side(cells: Sequence[str]) -> Align:
    """Return the alignment of a column: right for numbers."""
    return "right" if all(_NUMBER.fullmatch(cell) for cell in cells if cell) and any(cells) else "left"


def _alternatives(alternatives: Sequence[Alternative], width: int, *, keys: bool) -> list[Line]:
    if not alternatives:
        return []
    lines = [head("instead", "its key plans that" if keys else "")]
    for number, alternative in enumerate(alternatives, 1):
        lead = Span(f"   {number}  ", Role.KEY)
        lines += _numbered(lead, untrusted(alternative.title), untrusted(alternative.why), width)
    return lines


def _undo(plan: Plan, width: int) -> list[Line]:
    if not plan.undo.text:
        return []
    return followed((Span("   undo  ", Role.DIM),), untrusted(plan.undo.text), Role.TEXT, width, 9)


def diff_lines(diff: str, width: int) -> list[Line]:
    """Return a unified diff, coloured; a note if it is empty. Long lines continue below: nothing is cut."""
    if not diff.strip():
        return [labelled("", Span("nothing beyond the above", Role.DIM))]
    return [
        Line((Span(part, _diff_role(line)),))
        for line in diff.splitlines()
        for part in _wrapped(untrusted(line), width, 3)
    ]


def _wrapped(text: str, width: int, indent: int) -> Iterable[str]:
    """Yield a text verbatim, in as many parts as ``width`` requires."""
    return (" " * indent + text[start:end] for start, end in wrap(text, max(20, width - indent)))


def _diff_role(line: str) -> Role:
    if line.startswith(("---", "+++", "@@")):
        return Role.DIM
    return {"+": Role.OK, "-": Role.ERROR}.get(line[:1], Role.TEXT)


def request_lines(mutations: Iterable[Mutation], width: int) -> list[Line]:
    """Each request exactly as it will be sent: method, path, query, content type, body."""
    lines: list[Line] = []
    for mutation in mutations:
        query = "&".join(f"{key}={value}" for key, value in mutation.query.items())
        url = untrusted(mutation.path + (f"?{query}" if query else ""))
        lines += followed((Span(f"   {mutation.method} ", Role.STRONG),), url, Role.TEXT, width, 6)
        if mutation.body is not None:
            lines.append(Line((Span(f"      {mutation.content_type}", Role.DIM),)))
            body = json.dumps(mutation.body, indent=2, ensure_ascii=False)
            rows = (part for row in body.splitlines() for part in _wrapped(untrusted(row), width, 6))
            lines += [Line((Span(row),)) for row in rows]
    return lines or [labelled("", Span("none: it only waits", Role.DIM))]


def confirm_line(plan: Plan, width: int, glyphs: Glyphs, *, more: int = 0) -> Line:
    """Return the line above the buttons, which is always visible: the target, before and after, the result of the
    checks.

    ``more``: number of lines below the screen.
    """
    role = _ROLES[plan.verdict]
    change = next(iter(plan.changes), None)
    before_after = f"{untrusted(change.what)} {change_text(change, glyphs)}" if change else ""
    others = len(plan.request.targets) - 1
    left = [
        LinePart((Span(fit_end(untrusted(str(plan.target)), min(40, width_of(str(plan.target))), "left", "…")),), 0)
    ]
    if others:
        left.append(LinePart((Span(f"and {others} more", Role.STRONG),), 0))
    if before_after:
        left.append(LinePart((Span(before_after, Role.STRONG),), 2))
    summary = LinePart((verdict_span(plan.verdict, glyphs), Span(f" {summary_of(plan)}", role)))
    below = [
        LinePart(
            (Span(f"{glyphs.down} {count(more, 'more line')}", Role.ACCENT),),
            short=(Span(f"{glyphs.down}{more}", Role.ACCENT),),
        )
    ]
    return arrange(left, [*(below if more else ()), summary], width)


def banner_line(plan: Plan, width: int, glyphs: Glyphs) -> Line:
    """Return the frame of a confirmation in production."""
    where = place(plan, glyphs)
    words = f" PRODUCTION  {where}: users feel this "
    return Line(
        (Span(f" {glyphs.horizontal * 2}{words}", Role.CRITICAL), Span(glyphs.horizontal * width, Role.CRITICAL))
    )
