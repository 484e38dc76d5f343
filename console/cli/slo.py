"""``quarterdeck slo``: objectives, their current state, and the remaining error budgets; ``slo suggest``: objectives to
set.
"""

from __future__ import annotations

from console.cli import exit_codes, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import any_answered, explain, observe
from console.cli.output import glyphs_of, write_sheet
from console.report.sheets.objectives import objectives_sheet
from console.views.objectives import board, empty_text, stands_on


def run(invocation: Invocation) -> int:
    """Exit 0 with a table, 1 if nothing can be counted, 3 if no source answers."""
    if invocation.options.what == "suggest":
        from console.cli.slo_suggest import run as suggest

        return suggest(invocation)
    settings, wait, form = invocation.load().settings, invocation.options.wait, invocation.options.form
    glyphs = glyphs_of(settings.ui.glyphs)
    if invocation.options.watch:
        from console.cli.watch import of_snapshots, watch

        sheets = of_snapshots(settings, wait, lambda one: objectives_sheet(one, glyphs))
        return interruptible.run(watch(sheets, form, glyphs))
    snapshot = interruptible.run(observe(settings, wait, beside=wait))
    for line in explain(snapshot):
        say(line)
    if not any_answered(snapshot):
        return exit_codes.UNREACHABLE
    found = board(snapshot)
    known = found is not None and bool(found.rows)
    if known or form in ("json", "yaml"):
        from console.report.slo import to_json

        write_sheet(form, objectives_sheet(snapshot, glyphs), lambda: to_json(snapshot), glyphs)
    if found is None or not known:
        say(
            empty_text(snapshot)
            if found is not None or snapshot.source("objectives")
            else "nothing is counted for this context"
        )
        return exit_codes.PROBLEM
    say(stands_on(found))
    return exit_codes.OK
