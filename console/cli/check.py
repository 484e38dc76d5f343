"""``quarterdeck check``: the state of the fleet as an exit code (0 ok, 1 warning, 2 critical, 3 unknown) and in
words.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from console.cli import exit_codes, interruptible, streams
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import any_answered, explain, snapshot_within
from console.cli.output import glyphs_of, write_sheet
from console.config.problem import ConfigError
from console.report.harmless import harmless
from console.report.sheets.incidents import incidents_sheet
from console.views.alert_marks import alerts_of, object_words, summary_of, unexplained
from console.views.incident_words import acknowledged_text, duration_text, in_time, place, reach_text
from fleet.diagnosis.incidents.check_status import CheckStatus, check_status, counted, foremost
from fleet.model.counting import count
from fleet.model.finding import FindingState, Incident
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, Snapshot


def run(invocation: Invocation) -> int:
    """Exit as monitoring plugins do: 3 also for an unexpected error and for a wrong configuration."""
    try:
        return _check_once(invocation)
    except ConfigError as error:
        _unknown(invocation, error.problems[0])
        for problem in error.problems:
            say(problem)
    except Exception as error:  # noqa: BLE001 - whatever it is, a plugin that crashes must not pass for a warning
        from console.cli import crash

        crash.report(error, sys.argv[1:])
        _unknown(invocation, f"unexpected {type(error).__name__}")
    return CheckStatus.UNKNOWN


def _unknown(invocation: Invocation, why: object) -> None:
    """Write the line of a plugin: monitoring shows the first line of stdout, and nothing of stderr."""
    if not invocation.options.form:
        first = str(why).partition("\n")[0].replace("|", "/")
        streams.write_out(partial(print, harmless(f"{CheckStatus.UNKNOWN.name}: {first}")))


def _check_once(invocation: Invocation) -> int:
    settings, form = invocation.load().settings, invocation.options.form
    glyphs = glyphs_of(settings.ui.glyphs)
    if invocation.options.watch:
        from console.cli.watch import of_snapshots, watch

        sheets = of_snapshots(settings, invocation.options.wait, lambda one: incidents_sheet(one, glyphs))
        return interruptible.run(watch(sheets, form, glyphs))
    snapshot, seen = snapshot_within(settings, invocation.options.wait, looks_back=True)
    now: bool = invocation.options.now
    code = check_status(snapshot.incidents, pending=now)
    unseen = code is CheckStatus.OK and bool(unseen_reason(snapshot))
    blind = not any_answered(snapshot) or seen != exit_codes.OK or unseen
    code = CheckStatus.UNKNOWN if blind else code
    if form:
        from console.report.check import to_json

        write = partial(write_sheet, form, incidents_sheet(snapshot, glyphs), lambda: to_json(snapshot, code), glyphs)
    else:
        # Build all of it before writing: partial output would look complete.
        lines = [harmless(line) for line in plugin_lines(snapshot, code, pending=now, blind=blind)]
        write = partial(print, *lines, sep="\n")
    if not streams.write_out(write):
        # Output that nobody read would exit 1, which here means a warning.
        code = code or CheckStatus.UNKNOWN
    for line in explain(snapshot):
        say(line)
    return code


def sees_no_pods(snapshot: Snapshot) -> bool:
    """True if no pod is seen because none in view may be: that is not a fleet without problems."""
    namespace = snapshot.cluster.namespace
    known = namespace in snapshot.coverage.limited.get("pods", (namespace,))
    return not known and not snapshot.pods and not snapshot.engines


def unseen_reason(snapshot: Snapshot) -> str:
    """Return why nothing is seen here at all, which does not mean that nothing is wrong; empty if something is seen."""
    if sees_no_pods(snapshot):
        return snapshot.coverage.lack("pods")
    source = snapshot.of_objects
    empty = not (snapshot.pods or snapshot.workloads or snapshot.engines)
    # A misspelt namespace has no pods either.
    return source.problem if source is not None and source.health is Health.DEGRADED and empty else ""


def plugin_lines(snapshot: Snapshot, code: CheckStatus, *, pending: bool, blind: bool) -> Iterator[str]:
    """The plugin's line, with its numbers behind a bar, a line for each incident, and one for each alert of none."""
    firing = counted(snapshot.incidents, pending=pending)
    others = [one for one in snapshot.incidents if one not in firing]
    first = foremost(snapshot, firing, others) or next(iter(others), None)
    yield f"{code.name}: {_first(snapshot, first, firing, others, blind=blind)} | {_numbers(firing, others)}"
    for incident in sorted((*firing, *others), key=lambda one: one is not first):
        yield _line(snapshot, incident)
    for row in unexplained(snapshot).values():
        text = "; ".join(filter(None, (object_words(snapshot, row), summary_of(row))))
        yield f"  {row.severity.value:<8} {'alert':<10} {row.merged.alert.name}: {text}"


def _first(
    snapshot: Snapshot, first: Incident | None, firing: list[Incident], others: list[Incident], *, blind: bool
) -> str:
    """Return an incident in a few words, without a bar, which separates the performance data."""
    if blind:
        why = unseen_reason(snapshot).replace("|", "/")
        return f"nothing could be checked{why and f': {why}'}"
    if first is None:
        return f"{count(len(snapshot.model_of), 'serving workload')}, nothing is wrong"
    text = f"{place(snapshot, first.about)}: {first.root.words}".replace("|", "/")
    if not firing:
        more = len(others) - 1
        beside = f", and {more} more" if more else ""
        return f"nothing has lasted long enough to count; {first.state.value}: {text}{beside}"
    if first not in firing:
        text = f"{text} ({first.severity.value}, {first.state.value})"
    more = len(firing) - (first in firing)
    return text + (f", and {more} more" if more else "")


def _numbers(firing: list[Incident], others: list[Incident]) -> str:
    """Performance data: how many of each."""
    count = {severity: sum(one.severity is severity for one in firing) for severity in Severity}
    numbers = {
        "critical": count[Severity.CRITICAL],
        "warning": count[Severity.WARNING],
        "unknown": count[Severity.UNKNOWN],
        "pending": len(others),
    }
    return " ".join(f"{name}={number}" for name, number in numbers.items())


def _since(incident: Incident, now: float) -> str:
    """Return how long it has lasted; "not known" if only this one Snapshot shows it."""
    if incident.since < now or incident.state is not FindingState.PENDING:
        return in_time(incident, now)
    due = min((one.due for one in incident.findings if one.due), default=now)
    return f"seen now, start not known; counts once it has lasted {duration_text(due - incident.since)}"


def _line(snapshot: Snapshot, incident: Incident) -> str:
    what = f"{place(snapshot, incident.about)}: {incident.root.words}"
    names = dict.fromkeys(row.merged.alert.name for row in alerts_of(snapshot, incident.key))
    alerts = f"alerts: {', '.join(names)}" if names else ""
    one = incident.acknowledged
    known = acknowledged_text(one, snapshot.at).replace("|", "/") if one is not None else ""
    parts = (
        what,
        incident.sentence.rstrip("."),
        _since(incident, snapshot.at),
        reach_text(incident.reach),
        known,
        alerts,
    )
    return f"  {incident.severity.value:<8} {incident.state.value:<10} {'; '.join(filter(None, parts))}"
