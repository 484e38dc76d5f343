"""``quarterdeck slo``: objectives, how they stand, what is left of the error budgets; ``slo suggest``: which to set."""

from __future__ import annotations

import os
import sys

from console.cli import exits, interruptible, streams
from console.cli.dispatch import Invocation, say
from console.cli.observe import any_answered, explain, observe
from console.config.settings import GlyphSet
from console.views.objectives import board, empty_text, stands_on, table_lines
from fleet.model.snapshot import Snapshot
from themes.look import choose_glyphs


def run(invocation: Invocation) -> int:
    """Exit 0 with a table, 1 where nothing can be counted, 3 where nobody answers."""
    if invocation.options.what == "suggest":
        from console.cli.slo_suggest import run as suggest

        return suggest(invocation)
    settings, wait = invocation.load().settings, invocation.options.wait
    snapshot = interruptible.run(observe(settings, wait, beside=wait))
    for line in explain(snapshot):
        say(line)
    if not any_answered(snapshot):
        return exits.UNREACHABLE
    if invocation.options.json:
        from console.report.slo import to_json

        streams.document(to_json(snapshot))
    return _tell(snapshot, settings.ui.glyphs, as_table=not invocation.options.json)


def _tell(snapshot: Snapshot, glyphs: GlyphSet, *, as_table: bool) -> int:
    found = board(snapshot)
    if found is None or not found.rows:
        say(empty_text(snapshot) if found is not None or snapshot.source("objectives") else "nothing is counted here")
        return exits.PROBLEM
    if as_table:
        for line in table_lines(snapshot, choose_glyphs(os.environ, sys.stdout.encoding, glyphs)):
            print(line)
    say(stands_on(found))
    return exits.OK
