"""One vLLM server on this machine: its phases with their times, why it died, and how it was started."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from console.views.layout import followed, head, labelled, pairs, sections, wrapped
from console.views.load import latency_lines, load_lines
from console.views.local.servers import (
    address_of,
    gpus_text,
    is_loading,
    phase_text,
    pod_keys,
    severity_of,
    utc_text,
)
from console.views.severity_since import clock, coarse
from fleet.local.server import Phase, ServerState, StartStage
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.bar import bar_spans
from widgets.line import Line, Span, fit, spans_width
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import age_text, seconds_text

_BAR = 20
_ENDS = frozenset({Phase.READY, Phase.DEAD})
_NAME = 18
"""Cells of a phase's name."""


def title_line(server: ServerState, now: float, glyphs: Glyphs) -> Line:
    """Return its glyph, its name, where it is and since when."""
    severity = severity_of(server)
    role = Role.DIM if severity is Severity.OK else severity_role(severity)
    spans = [Span(" "), severity_span(severity, glyphs), Span(f" {untrusted_name(server.name)}", Role.STRONG)]
    spans.append(Span(f"  {phase_text(server.stage)}", role))
    if times := utc_text(server, now):
        spans.append(Span(f"  {times}", Role.DIM))
    elif server.stage.phase is Phase.STOPPING:
        spans.append(Span(f"  for {age_text(max(0.0, now - server.stage.began))}", Role.DIM))
    elif not server.alive:
        ago = age_text(coarse(max(0.0, now - server.stage.began)))
        spans.append(Span(f"  {ago} ago" if server.end_seen else f"  last seen {ago} ago", Role.DIM))
    elif server.record.ready is not None:
        age = age_text(coarse(now - server.record.begun))
        spans.append(Span(f"  for {age}, ready after {seconds_text(server.elapsed)}", Role.DIM))
    return Line(tuple(spans))


def reason_lines(server: ServerState, width: int, glyphs: Glyphs) -> list[Line]:
    """Return why it died, what to do about it, and the line of its log that shows it; nothing while it is alive."""
    reason = server.reason
    if reason is None:
        return []
    lines = followed((Span("   "),), untrusted(reason.text), Role.CRITICAL, width, 3)
    if reason.remedy:
        lines += followed((Span(f"   {glyphs.right} ", Role.DIM),), untrusted(reason.remedy), Role.TEXT, width, 5)
    if reason.line:
        lines += followed((Span("   log  ", Role.DIM),), untrusted(reason.line), Role.DIM, width, 8)
    return lines


def stages_of(server: ServerState, now: float) -> list[tuple[StartStage, float]]:
    """Each phase of the start with the seconds that it took, or has taken so far."""
    stages = server.stages or (server.stage,)
    last = (
        server.record.ready
        if server.stage.phase is Phase.READY and server.record.ready is not None
        else max(now, server.at)
    )
    if not server.alive:
        last = max(server.stage.began, stages[-1].began)
    ends = [*(stage.began for stage in stages[1:]), last]
    return [(stage, max(0.0, end - stage.began)) for stage, end in zip(stages, ends, strict=True)]


def phases_line(server: ServerState, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Return all phases in a line or two: ``starting 4.1s · compiling 41s, warm-up``; the current one's detail comes
    last.
    """
    words = [
        f"{stage.phase.value} {seconds_text(seconds)}"
        for stage, seconds in stages_of(server, now)
        if stage.phase not in _ENDS
    ]
    if words and is_loading(server) and server.stage.detail and not server.stage.total:
        words[-1] += f", {untrusted(server.stage.detail)}"
    return followed((Span("   "),), f" {glyphs.between} ".join(words), Role.TEXT, width, 3) if words else []


def phase_lines(server: ServerState, now: float, glyphs: Glyphs) -> list[Line]:
    """Return the phases, one per line, with their seconds, and a progress bar for the current one."""
    lines: list[Line] = []
    shown = [(stage, seconds) for stage, seconds in stages_of(server, now) if stage.phase not in _ENDS]
    for number, (stage, seconds) in enumerate(shown):
        last = number == len(shown) - 1
        here = last and is_loading(server)
        glyph = Span(glyphs.starting, Role.STARTING) if here else Span(glyphs.mark, Role.OK)
        if last and not server.alive:
            glyph = Span(glyphs.critical, Role.CRITICAL)
        name = fit(stage.phase.value, _NAME, "left", glyphs.ellipsis)
        spans = [Span("   "), glyph, Span(f" {name}"), Span(fit(seconds_text(seconds), 8, "right", glyphs.ellipsis))]
        if here and stage.total > 0:
            spans += [Span("  "), *bar_spans(stage.done / stage.total, _BAR, Role.BAR, glyphs)]
        words = [f"{stage.done:g} of {stage.total:g}"] if stage.total > 0 else []
        words += [untrusted(stage.detail)] if stage.detail else []
        if words:
            spans.append(Span(f"  {words[0] if stage.total > 0 else words[-1]}", Role.DIM))
        lines.append(Line(tuple(spans)))
    return lines


def command_text(server: ServerState) -> str:
    """The command line as a shell would take it. No secret is ever in it."""
    return untrusted(shlex.join(server.record.argv))


def server_glance(server: ServerState, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the lines under the table: where it is, why it died, how it was started."""
    return [
        title_line(server, now, glyphs),
        *reason_lines(server, width, glyphs),
        *phases_line(server, now, width, glyphs),
        *followed((Span("   $ ", Role.DIM),), command_text(server), Role.DIM, width, 5),
    ]


def server_lines(server: ServerState, snapshot: Snapshot | None, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """The whole page of a server."""
    pod = pod_keys(snapshot, (server,)).get(server.record.id)
    return sections(
        [title_line(server, now, glyphs), *reason_lines(server, width, glyphs)],
        [head("start", f"begun {clock(server.record.begun)}"), *phase_lines(server, now, glyphs)],
        _load(server, snapshot, pod, width, glyphs),
        [head("what runs"), *_facts(server, gpus_text(server, snapshot, pod), width)],
        _tail(server.tail),
    )


def _load(server: ServerState, snapshot: Snapshot | None, pod: str | None, width: int, glyphs: Glyphs) -> list[Line]:
    if server.stage.phase is not Phase.READY:
        return []
    if snapshot is None or pod is None:
        return [head("load", "not measured yet")]
    frame = snapshot.by_pod
    return [
        head("load"),
        *load_lines(frame, pod, width, glyphs),
        *latency_lines(snapshot, frame, pod, width, glyphs),
    ]


def _facts(server: ServerState, gpus: str, width: int) -> list[Line]:
    record, spec = server.record, server.record.spec
    process = [("", Span(str(record.identity.pid))), ("in", Span(untrusted(record.folder)))]
    address = [("", Span(address_of(server)))]
    if server.stage.phase is Phase.READY:
        answers = {True: "answers", False: "does not answer", None: "not checked yet"}[server.healthy]
        address.append(("health", Span(answers)))
    served = ", ".join(server.models) or spec.served
    names = ", ".join(sorted(spec.env))
    rows = [
        *wrapped("command", command_text(server), width),
        *wrapped("model", untrusted_name(spec.model), width),
        *wrapped("served as", untrusted(served), width),
        labelled("address", *pairs(address)),
        labelled("vLLM", *pairs((("", Span(untrusted(record.version))), ("GPUs", Span(gpus))))),
        *wrapped("variables", untrusted(names), width),
        *wrapped("API key", f"required; it is in {untrusted(record.folder)}/key" if record.keyed else "none", width),
        *wrapped("log", untrusted(str(record.log)), width),
    ]
    pid = labelled("process", *pairs(process))
    return [*rows, pid if spans_width(pid.spans) <= width else labelled("process", process[0][1])]


def _tail(tail: Sequence[str]) -> list[Line]:
    if not tail:
        return []
    return [
        head("end of its log", "l follows it"),
        *(Line((Span(f"   {untrusted_line(t)}", Role.DIM),)) for t in tail),
    ]
