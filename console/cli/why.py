"""``quarterdeck why OBJECT``: where the time of its requests goes, and what slow replicas have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli import exit_codes, find_object, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import any_answered, explain
from console.cli.output import WIDE, glyphs_of, page_width, write_sheet
from console.cli.snapshot_with_reads import look
from console.session.failure import SessionError
from console.views.series import series_of
from console.views.subject import ref_of
from console.views.why import why_lines
from fleet.kinds.registry import listed
from fleet.latency.comparison import LOOKS_BACK, LastChange, last_change, questions
from fleet.latency.report import LatencyReport, latency_report
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from console.session.reader import ObjectReader
    from fleet.model.curve import Curve


class _Asking:
    """One query of the command line, answered while the sources run."""

    def __init__(self, invocation: Invocation) -> None:
        self._typed: str = invocation.options.object
        self._namespace: str = getattr(invocation.options, "namespace", None) or ""
        self.report: LatencyReport | None = None
        self.problem = ""
        """Reason why there is no report, or one without history."""

    async def answer(self, snapshot: Snapshot, reader: ObjectReader) -> None:
        """Find the object, and compute its report."""
        kinds = ("Pod", *(kind.kind for kind in listed()))
        try:
            target = find_object.find(self._typed, snapshot, self._namespace, snapshot.cluster.namespace, kinds)
        except find_object.NotNamedError as error:
            self.problem = str(error)
            return
        key = find_object.key_of(target, snapshot)
        curves, change = await self._past(snapshot, key, reader)
        self.report = latency_report(snapshot, key, curves, change)

    async def _past(self, snapshot: Snapshot, key: str, reader: ObjectReader) -> tuple[list[Curve], LastChange | None]:
        curves: list[Curve] = []
        change = None
        ref = ref_of(snapshot, snapshot.workload_of.get(key, key))
        series = series_of(snapshot, key)
        try:
            timeline = await reader.timeline(ref, snapshot.at - LOOKS_BACK)
            change = last_change(timeline.entries, snapshot.at)
            asked = questions(series, key, snapshot.at, change) if series is not None else ()
            # In sequence: a slow store should not get three queries at once.
            curves = [await reader.curve(question) for question in asked]
        except SessionError as error:
            self.problem = error.in_a_line
        return curves, change


def run(invocation: Invocation) -> int:
    """Exit 0 with a report, 2 for an unknown name, 3 if no source answers."""
    return interruptible.run(_run(invocation))


async def _run(invocation: Invocation) -> int:
    asking = _Asking(invocation)
    snapshot = await look(invocation, asking.answer)
    for line in explain(snapshot):
        say(line)
    if not any_answered(snapshot):
        return exit_codes.UNREACHABLE
    if asking.report is None:
        say(asking.problem)
        return exit_codes.USAGE
    _print_report(invocation, snapshot, asking.report, asking.problem)
    return exit_codes.OK


def _print_report(invocation: Invocation, snapshot: Snapshot, report: LatencyReport, problem: str) -> None:
    if problem:
        say(f"the past is not known: {problem}")
    form, glyphs = invocation.options.form or "table", glyphs_of(invocation.load().settings.ui.glyphs)
    if form not in ("table", "wide"):
        from console.report.sheets.why import why_sheet
        from console.report.why import to_json

        write_sheet(form, why_sheet(snapshot, report, glyphs), lambda: to_json(snapshot, report), glyphs)
        return
    for line in why_lines(report, snapshot.at, "", page_width() if form == "table" else WIDE, glyphs):
        print("".join(span.text for span in line.spans).rstrip())
