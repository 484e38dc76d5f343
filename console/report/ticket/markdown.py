"""A ticket as Markdown: what people paste into a tracker. Its times are in UTC."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from console.report.check import EvidencePart, IncidentPart, ToldPart
from console.report.ticket.document import LogPart, SubjectPart, TicketDocument
from console.report.timeline import EntryPart
from console.views.incident_words import cause_name, reach_text
from fleet.model.counting import count
from fleet.model.finding import FindingState, Reach
from widgets.values import age_text

_SPECIAL: Final = re.compile(r"([\\`*\[\]<>|#~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
"""Characters with a meaning in Markdown; an underscore within a word has none."""
_MOST_SYMPTOMS: Final = 8
_MOST_PLACES: Final = 6


def to_markdown(ticket: TicketDocument) -> str:
    """Return the whole ticket, ending with a newline."""
    parts = (_head(ticket), _wrong(ticket), _objects(ticket), _past(ticket), _logs(ticket), _sources(ticket))
    return "\n".join(line for part in parts for line in part).rstrip("\n") + "\n"


def utc(at: float) -> str:
    """``2026-11-30 14:02:31 UTC``."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def plain(text: str) -> str:
    """Return outside text in one line that Markdown does not interpret."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return outside text as code within a line, whatever backticks are in it."""
    text = " ".join(text.split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}"


def block(lines: Iterable[str], language: str = "") -> Iterator[str]:
    """Yield lines as a block of code that none of them can end."""
    content = list(lines)
    longest = max((len(run) for line in content for run in re.findall("`{3,}", line)), default=2)
    fence = "`" * (longest + 1)
    yield f"{fence}{language}"
    yield from content
    yield fence
    yield ""


def _head(ticket: TicketDocument) -> Iterator[str]:
    cluster = ticket.cluster
    yield f"# {plain(ticket.title)}"
    yield ""
    where = f"- cluster {code(cluster.context or cluster.cluster)}" if cluster.context or cluster.cluster else "- here"
    server = f" ({code(cluster.server)})" if cluster.server else ""
    version = f", Kubernetes {plain(cluster.version)}" if cluster.version else ""
    view = f"namespace {code(cluster.namespace)}" if cluster.namespace else "all namespaces"
    yield f"{where}{server}{version}, {view}"
    who = f", as {code(cluster.user)}" if cluster.user else ""
    mode = ", read-only" if cluster.read_only else ""
    yield f"- as of {utc(ticket.at)}{who}, by quarterdeck {plain(ticket.console)}{mode}"
    yield f"- rates and percentiles cover the last {age_text(ticket.window)}"
    yield ""
    if ticket.lacks:
        yield "Not in here:"
        yield ""
        yield from (f"- {plain(lack)}" for lack in ticket.lacks)
        yield ""


# what is wrong


def _wrong(ticket: TicketDocument) -> Iterator[str]:
    yield "## What is wrong"
    yield ""
    if not ticket.incidents:
        yield "No incident."
        yield ""
    for number, incident in enumerate(ticket.incidents, 1):
        yield from _incident(number, incident, _name(ticket, incident.about.key), ticket.at)
    if ticket.alerts:
        yield "### Alerts that no incident explains"
        yield ""
        yield from map(_alert, ticket.alerts)
        yield ""


def _name(ticket: TicketDocument, key: str) -> str:
    return next((one.name for one in ticket.objects if one.key == key), key)


def _incident(number: int, incident: IncidentPart, name: str, now: float) -> Iterator[str]:
    yield f"### {number}. {incident.severity.value}: {plain(name)}: {plain(incident.words)}"
    yield ""
    yield plain(incident.sentence)
    yield ""
    yield f"- since {utc(incident.since)} ({_state(incident, now)}), known by {plain(incident.told_by)}"
    if reach := reach_text(_reach(incident)):
        yield f"- affects {plain(reach)}"
    if at := _places(incident):
        yield f"- at {at}"
    if (known := incident.acknowledged) is not None:
        note = f": {plain(known.note)}" if known.note else ""
        worse = f"; worse since: {plain(known.worse)}" if known.worse else ""
        yield f"- acknowledged by {plain(known.by)} at {utc(known.at)}{note}{worse}"
    yield f"- cause {code(incident.cause)}, incident {code(incident.key)}"
    yield ""
    yield from _list("Evidence", map(_evidence, incident.evidence))
    yield from _list("Alerts about it", map(_alert, incident.alerts), marked=False)
    yield from _list("Symptoms of it", _symptoms(incident))
    for title, ruled in (("Ruled out", incident.ruled_out), ("Not ruled out", incident.not_ruled_out)):
        yield from _list(title, (f"{plain(cause_name(one.cause))}: {plain(one.by)}" for one in ruled))
    yield from _list("How to decide: check", map(plain, incident.decides))
    helps = (f"{plain(one.text)}" + (f" ({code(f':{one.command}')})" if one.command else "") for one in incident.helps)
    yield from _list("What helps", helps)
    yield from _list("What not to do", map(plain, incident.avoid))


def _places(incident: IncidentPart) -> str:
    """Return the objects with the cause, if these are several."""
    keys = [one.object.key for one in incident.findings if one.cause == incident.cause]
    if len(keys) < 2:
        return ""
    more = f" and {len(keys) - _MOST_PLACES} more" if len(keys) > _MOST_PLACES else ""
    return f"{', '.join(map(code, keys[:_MOST_PLACES]))}{more}"


def _state(incident: IncidentPart, now: float) -> str:
    if incident.state is FindingState.RECOVERING:
        return "easing"
    pending = ", counts once it lasts longer" if incident.state is FindingState.PENDING else ""
    return f"for {age_text(max(0.0, now - incident.since))}{pending}"


def _reach(incident: IncidentPart) -> Reach:
    reach, none = incident.reach, float("nan")
    running = none if reach.running is None else reach.running
    return Reach(reach.replicas, reach.of or 0, running, none if reach.waiting is None else reach.waiting)


def _evidence(one: EvidencePart) -> str:
    window = f" over {age_text(one.window)}" if one.window else ""
    return f"{plain(one.text)} ({plain(one.source)}{window}, {age_text(one.age)} old)"


def _symptoms(incident: IncidentPart) -> Iterator[str]:
    """Yield what follows from the root, alike ones once."""
    others = [one for one in incident.findings if one.cause != incident.cause]
    times = Counter((one.cause, one.severity, one.words) for one in others)
    first = {(one.cause, one.severity, one.words): one for one in reversed(others)}
    for kind, number in times.most_common(_MOST_SYMPTOMS):
        more = f" and {number - 1} more" if number > 1 else ""
        yield f"{kind[1].value}: {code(first[kind].object.key)}{more}: {plain(kind[2])}"
    if len(times) > _MOST_SYMPTOMS:
        yield f"and {count(len(times) - _MOST_SYMPTOMS, 'other symptom')}"


def _alert(alert: ToldPart) -> str:
    since = f", since {utc(alert.since)}" if alert.since is not None else ""
    return f"- {code(alert.name)} {alert.state}{since}{f': {plain(alert.summary)}' if alert.summary else ''}"


def _list(title: str, texts: Iterable[str], *, marked: bool = True) -> Iterator[str]:
    lines = [f"- {text}" if marked else text for text in texts]
    if lines:
        yield f"**{title}**"
        yield ""
        yield from lines
        yield ""


# objects


def _objects(ticket: TicketDocument) -> Iterator[str]:
    if ticket.objects:
        yield "## Numbers"
        yield ""
    for one in ticket.objects:
        yield f"### {plain(one.name if one.name.startswith(one.kind) else f'{one.kind} {one.name}')}"
        yield ""
        yield from _facts(one)
        yield ""
        if one.numbers:
            yield from block(_numbers(one), "promql" if any(number.query for number in one.numbers) else "text")
        # One read has all the metrics of an object: what filters it is left out.
        reads = dict.fromkeys(number.read.partition(" | ")[0] for number in one.numbers if number.read)
        if reads or one.commands:
            yield from block([*one.commands, *reads], "sh")


def _facts(one: SubjectPart) -> Iterator[str]:
    if one.severity is not None:
        yield f"- {one.severity.value}{f': {plain(one.reason)}' if one.reason else ''}"
    if one.desired is not None:
        yield f"- {one.ready or 0} of {count(one.desired, 'replica')} ready"
    if one.status is not None:
        yield f"- {plain(one.status)}{f' on node {code(one.node)}' if one.node else ''}"
    if (version := one.version) is not None:
        versions = (
            (code(version.image) if version.image else ""),
            f"digest {code(version.digest)}" if version.digest else "",
            f"model {code(version.model)}" if version.model else "",
            (f"revision {code(version.revision)}" if version.revision else "revision not pinned") * bool(version.model),
        )
        yield f"- runs {', '.join(filter(None, versions))}"


def _numbers(one: SubjectPart) -> Iterator[str]:
    """Yield each number; if there are queries, as a comment above the one that gives it."""
    mark = "# " if any(number.query for number in one.numbers) else ""
    for number in one.numbers:
        stale = f", {number.reading.state}" if number.reading.state != "fresh" else ""
        source = f", {number.source}" if number.source else ""
        yield f"{mark}{number.title}: {number.shown} ({age_text(number.reading.age)} old{stale}{source})"
        if number.query:
            yield number.query


# the past


def _past(ticket: TicketDocument) -> Iterator[str]:
    if ticket.since is None:
        return
    yield "## What changed before"
    yield ""
    yield from _entries(ticket.changes, f"Nothing is known to have changed since {utc(ticket.since)}.")
    yield "## Who acted"
    yield ""
    yield from _entries(ticket.acted, f"No action is recorded since {utc(ticket.since)}.")


def _entries(entries: Sequence[EntryPart], none: str) -> Iterator[str]:
    if not entries:
        yield none
    for one in entries:
        about = one.about
        name = "/".join(part for part in (about.namespace, about.kind.lower(), about.name) if part)
        within = f" +{age_text(one.within)}" if one.within > 1 else ""
        who = (
            f", by {plain(one.who)}" if one.who else f", author not known ({plain(one.unknown)})" if one.unknown else ""
        )
        often = f" ({count(one.times, 'time')})" if one.times > 1 else ""
        yield f"- {utc(one.at)}{within}: {code(name)} {plain(one.what)}{often}{who}"
        if len(one.changes) > 1:
            yield from (f"  - {plain(change)}" for change in one.changes)
    yield ""


# logs and sources


def _logs(ticket: TicketDocument) -> Iterator[str]:
    if ticket.logs:
        yield "## Last errors in logs"
        yield ""
    for one in ticket.logs:
        yield _log_title(one)
        yield ""
        yield from block(one.lines, "text")


def _log_title(one: LogPart) -> str:
    return f"{code(one.pod)}, container {code(one.container)}, from {plain(one.read_from)}:"


def _sources(ticket: TicketDocument) -> Iterator[str]:
    yield "## Sources"
    yield ""
    for one in ticket.sources:
        last = f", last answer {utc(one.last_ok)}" if one.last_ok is not None else ""
        problem = f": {plain(one.problem)}" if one.problem else ""
        yield f"- {plain(one.name)}: {one.health.value} since {utc(one.since)}{last}{problem}"
    yield ""
