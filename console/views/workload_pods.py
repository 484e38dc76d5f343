"""The pods of a workload with their GPUs: sick ones first, with the reason, the last end, and loading progress."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import median
from typing import Final, NamedTuple

from console.views.layout import followed, head
from console.views.root_words import root_reason
from console.views.subject import assessment_of
from console.views.value_columns import ValueColumn, fitting, titles, total_width, values
from fleet.model.counting import count
from fleet.model.objects import Container, Pod
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, fit_end, spans_width, width_of
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

Q = Quantity

MOST = 12
"""Rows up to which all pods are listed; of more, those with the same to report are one line beyond the first few."""
_FIRST = 3
_LONGEST = 2 * 3600.0
"""Seconds of a start beyond which a pod was not starting all the time: it has been ready before."""
_INDENT = 7


class Loading(NamedTuple):
    """Loading progress of a starting pod, from its log."""

    phase: str
    """``reading weights``"""
    detail: str = ""
    """``shard 3 of 30``"""
    ends: float | None = None
    """Unix time of the end of the phase at its pace so far; None if the log counts nothing."""


NO_STARTS: Final[Mapping[str, Loading]] = {}


_COLUMNS = (
    ValueColumn("run", 6, Q.RUNNING, 2),
    ValueColumn("wait", 6, Q.WAITING, 1),
    ValueColumn("KV", 6, Q.KV_USAGE, 1),
    ValueColumn("TTFT95", 9, Q.TTFT_P95, 4),
    ValueColumn("GPU", 6, Q.GPU_UTIL, 0),
    ValueColumn("temp", 7, Q.GPU_TEMPERATURE, 3),
)
_NAME, _AGE, _PLACE = 27, 6, 22
_WIDEST_NAME = 46


def is_starting(pod: Pod) -> bool:
    """True if its containers run and it has not become ready: it loads."""
    running = any(one.state == "running" and not one.init for one in pod.containers)
    return not pod.ready and running and pod.deleted is None


def member_lines(
    snapshot: Snapshot, pods: Sequence[Pod], width: int, glyphs: Glyphs, starts: Mapping[str, Loading]
) -> list[Line]:
    """Return rows for the pods with something to report, then for healthy ones; of many alike the number of others.

    ``starts``: pod key → loading progress, from the logs.
    """
    if not pods:
        return [head("pods", "none: no pod has been created yet")]
    ranks = {pod.key: rank(assessment_of(snapshot, pod.key).severity) for pod in pods}
    ordered = sorted(pods, key=lambda pod: (ranks[pod.key], -pod.restarts, pod.name))
    groups = _alike(snapshot, ordered, starts)
    some = len(ordered) <= MOST
    rows = [group if some else group[:_FIRST] for group in groups]
    columns, place, name = _fitting(width, max(width_of(_place(snapshot, pod)) for row in rows for pod in row))
    where = fit("  on", place, "left", "") if place else ""
    first = fit(" PODS", name, "left", "") + fit("age", _AGE, "right", "")
    lines = [Line((Span(first, Role.HEAD), Span(titles(columns) + where, Role.HEAD)))]
    usual = start_seconds(pods)
    for group, shown in zip(groups, rows, strict=True):
        for pod in shown:
            lines += _row(snapshot, pod, columns, place, name, width, glyphs)
            lines += startup_lines(pod, starts.get(pod.key), usual, snapshot.at, width, _INDENT)
        if more := len(group) - len(shown):
            lines.append(Line((Span(f"     +{more} alike", Role.DIM),)))
    return lines


def _alike(snapshot: Snapshot, ordered: Sequence[Pod], starts: Mapping[str, Loading]) -> list[list[Pod]]:
    """Return the pods in groups with the same to report, in their order; those whose log was read are first."""
    groups: dict[tuple[object, ...], list[Pod]] = defaultdict(list)
    for pod in ordered:
        known, ends = assessment_of(snapshot, pod.key), [(c.last_reason, c.last_exit_code) for c in pod.containers]
        groups[known.severity, known.reason, *(() if pod.ready else (is_starting(pod), *ends))].append(pod)
    return [sorted(group, key=lambda pod: pod.key not in starts) for group in groups.values()]


def _fitting(width: int, longest: int) -> tuple[Sequence[ValueColumn], int, int]:
    """Return the columns that fit, the cells for a pod's node (0 for none), and those for its name, which gets what the
    ``longest`` node leaves.
    """
    columns = fitting(_COLUMNS, width - _NAME - _AGE - _PLACE)
    used = _NAME + _AGE + total_width(columns)
    place = min(_PLACE, longest + 2) if used + _PLACE <= width else 0
    return columns, place, min(_WIDEST_NAME, max(18, _NAME + width - used - place))


def _row(
    snapshot: Snapshot, pod: Pod, columns: Sequence[ValueColumn], place: int, name: int, width: int, glyphs: Glyphs
) -> list[Line]:
    key, standing = pod.key, assessment_of(snapshot, pod.key)
    age = age_text(snapshot.at - pod.created) if pod.created else ""
    spans = [
        Span("   "),
        severity_span(standing.severity, glyphs),
        Span(" " + fit_end(untrusted_name(pod.name), name - 5, "left", glyphs.ellipsis)),
        Span(fit(age, _AGE, "right", glyphs.ellipsis), Role.DIM),
        *values(snapshot.by_pod, key, columns, glyphs),
    ]
    if place:
        spans.append(Span("  " + fit_end(_place(snapshot, pod), place - 2, "left", glyphs.ellipsis), Role.DIM))
    if standing.severity is Severity.STARTING and is_starting(pod):
        # Its progress is shown below.
        return [Line(tuple(spans))]
    reason = untrusted(root_reason(snapshot, key) or ("" if standing.severity is Severity.OK else pod.status))
    if not reason:
        return [Line(tuple(spans))]
    role = severity_role(standing.severity)
    if spans_width(spans) + 2 + width_of(reason) <= width:
        return [Line((*spans, Span("  "), Span(reason, role)))]
    return [Line(tuple(spans)), *followed([Span(" " * _INDENT)], reason, role, width, _INDENT)]


def _place(snapshot: Snapshot, pod: Pod) -> str:
    """``gpu-node-3/0-3``: its node, and which GPUs it holds there."""
    ordinals = sorted(
        {int(o) for gpu in snapshot.gpus_of.get(pod.key, ()) if (o := snapshot.gpus[gpu].ordinal).isdigit()}
    )
    ranges = []
    for _, run in groupby(enumerate(ordinals), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        ranges.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    node = untrusted(pod.node) or "no node"
    return f"{node}/{','.join(ranges)}" if ranges else node


def startup_lines(
    pod: Pod, start: Loading | None, usual: float | None, now: float, width: int, indent: int
) -> list[Line]:
    """Return how its containers last ended, and its loading progress; nothing for a ready pod."""
    if pod.ready:
        return []
    lines: list[Line] = []
    for container in pod.containers:
        if words := end_text(container, now):
            lead = [Span(f"{' ' * indent}{untrusted_name(container.name)} ", Role.DIM)]
            lines += followed(lead, words, Role.WARNING, width, indent)
    if is_starting(pod):
        words = start_text(pod, start, usual, now)
        lines += followed([Span(" " * indent)], words, Role.STARTING, width, indent)
    return lines


def end_text(container: Container, now: float) -> str:
    """Return ``ended last: OOMKilled (137) 20s ago, 5 restarts``; empty if it has never ended."""
    reason, code, ended = container.last_reason, container.last_exit_code, container.last_finished
    if container.state == "terminated" and (container.exit_code or container.reason not in ("", "Completed")):
        reason, code, ended = container.reason, container.exit_code, container.since
    if not reason and code is None:
        return ""
    number = f" ({code})" if code is not None else ""
    ago = f" {age_text(now - ended)} ago" if ended is not None else ""
    restarts = count(container.restarts, "restart")
    return f"ended last: {untrusted(reason) or 'ended'}{number}{ago}, {restarts}"


def start_text(pod: Pod, start: Loading | None, usual: float | None, now: float) -> str:
    """``reading weights, shard 17 of 30, for 50s; ready in ~1m10s (peers took 2m)``."""
    began = _began(pod)
    words = ", ".join(filter(None, (start.phase, start.detail))) if start is not None else "starting"
    if began is None:
        return untrusted(words)
    spent = max(0.0, now - began)
    words = f"{untrusted(words)}, for {age_text(spent)}"
    if usual is None:
        left = start.ends - now if start is not None and start.ends is not None else 0.0
        return f"{words}; this phase takes ~{age_text(left)} more" if left > 0 else words
    takes = f"peers took {age_text(usual)}"
    return f"{words}; ready in ~{age_text(usual - spent)} ({takes})" if spent < usual else f"{words}; late: {takes}"


def start_seconds(pods: Sequence[Pod]) -> float | None:
    """Return how long the ready pods took from the start of their container; None if unknown."""
    found = []
    for pod in pods:
        began, ready = _began(pod), next((c.since for c in pod.conditions if c.type == "Ready"), None)
        if pod.ready and began is not None and ready is not None and 0 < ready - began < _LONGEST:
            found.append(ready - began)
    return median(found) if found else None


def _began(pod: Pod) -> float | None:
    """The start of the container that serves, else of the last that started; None where none runs."""
    running = [c for c in pod.containers if c.state == "running" and not c.init and c.since is not None]
    serving = [c for c in running if c.name == pod.serving.container] or running
    return max((c.since for c in serving if c.since is not None), default=None)
