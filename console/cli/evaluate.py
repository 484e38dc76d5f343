"""``quarterdeck eval DIR``: the accuracy of the diagnosis on recorded incidents with known truth."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from console.cli import exit_codes, streams
from console.cli.dispatch import Invocation, say
from console.cli.progress import ProgressLine
from console.report.harmless import harmless

if TYPE_CHECKING:
    from fleet.evaluation.score import CaseScore


def run(invocation: Invocation) -> int:
    """Exit 0 where every goal is reached, 1 where one is not, 2 for a folder that has no cases."""
    from fleet.evaluation.runner import scores
    from fleet.evaluation.totals import GOALS, totals
    from fleet.evaluation.truth import TruthError
    from fleet.recorder.problem import RecordingError

    options = invocation.options
    try:
        with ProgressLine() as line:
            found = scores(options.folder, options.jobs or os.cpu_count() or 1, line.counted("cases"))
    except (TruthError, RecordingError) as error:
        say(error)
        return exit_codes.USAGE
    if not _print_report(found, options.form, each=options.each):
        return exit_codes.PROBLEM
    whole = totals(found)
    return exit_codes.PROBLEM if any(goal.reached(whole) is False for goal in GOALS) else exit_codes.OK


def _print_report(found: Sequence[CaseScore], form: str, *, each: bool) -> bool:
    """Print the result; return whether it could be written."""
    if form == "json":
        from console.report.evaluation import to_json

        return streams.write_out(partial(streams.document, to_json(found)))
    from console.report.evaluation_table import lines, markdown

    report = markdown(found) if form == "markdown" else lines(found, each=each)
    return streams.write_out(partial(print, *map(harmless, report), sep="\n"))
