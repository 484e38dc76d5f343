"""The fleet as a plain table: for a pipe, a dumb terminal, a ticket. Worst first, in ASCII where the encoding asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from console.views.empty import unknown_pods
from console.views.numbers import gpu_activity
from console.views.subject import is_free_gpu
from fleet.model.frame import Frame
from fleet.model.objects import Pod, Workload
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.snapshot import Assessment, Health, Join, Severity, Snapshot, SourceStatus, rank
from themes.glyphs import Glyphs
from widgets.line import fit, fit_end, to_ascii
from widgets.severity import severity_glyph
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text, reading_text

NARROWEST = 80
LOOSE_NAMED = 3
"""Joins of a kind that are named one by one; ``--json`` has them all."""


class _Column(NamedTuple):
    title: str
    width: int
    quantity: Quantity


_COLUMNS = (
    _Column("RUN", 5, Quantity.RUNNING),
    _Column("WAIT", 5, Quantity.WAITING),
    _Column("KV%", 4, Quantity.KV_USAGE),
    _Column("TOK/S", 6, Quantity.GENERATION_TOKENS),
    _Column("TTFT95", 7, Quantity.TTFT_P95),
    _Column("ITL95", 6, Quantity.ITL_P95),
    _Column("GPU%", 4, Quantity.GPU_UTIL),
    _Column("°C", 3, Quantity.GPU_TEMPERATURE),
)
_STATE_WIDTH = 9
_FIXED = 2 + 1 + _STATE_WIDTH + sum(1 + column.width for column in _COLUMNS)
_NODE_WIDTH = 24
_REASON_WIDTH = 28


def table(snapshot: Snapshot, width: int, glyphs: Glyphs, *, production: bool = False) -> Iterator[str]:
    """Lines of at most ``width`` cells (80 at least); ``production`` is said in the first one.

    Workloads with their pods under them, then what could not be joined. From 110 cells on there is a reason, from 135
    on a node.
    """
    width = max(width, NARROWEST)
    for line in _lines(snapshot, width, glyphs, production=production):
        text = line.rstrip()
        yield fit(to_ascii(text) if glyphs.ascii else text, width, "left", glyphs.ellipsis).rstrip()


def _lines(snapshot: Snapshot, width: int, glyphs: Glyphs, *, production: bool) -> Iterator[str]:
    yield from _head(snapshot, glyphs, production=production)
    yield ""
    extra = [w for w, least in ((_REASON_WIDTH, 110), (_NODE_WIDTH, 135)) if width >= least]
    name_width = width - _FIXED - sum(1 + w for w in extra)
    titles = [fit("WORKLOAD / POD", name_width, "left", glyphs.ellipsis), fit("READY", _STATE_WIDTH, "left", "")]
    titles += [fit(column.title, column.width, "right", "") for column in _COLUMNS]
    titles += [fit(title, w, "left", "") for title, w in zip(("WHY", "NODE"), extra, strict=False)]
    yield "  " + " ".join(titles)
    for workload in _worst_first(snapshot):
        yield _row(
            snapshot,
            snapshot.by_workload,
            workload.key,
            _workload_name(snapshot, workload),
            f"{workload.ready}/{workload.desired}",
            ("",),
            (name_width, extra, glyphs),
        )
        for pod in _worst_pods(snapshot, workload.key):
            yield _row(
                snapshot,
                snapshot.by_pod,
                pod.key,
                f"  {untrusted_name(pod.name)}",
                pod.status,
                (pod.node,),
                (name_width, extra, glyphs),
            )
    if not snapshot.workloads:
        yield f"  {_no_rows(snapshot)}"
    yield from _unmatched(snapshot, glyphs)


def _no_rows(snapshot: Snapshot) -> str:
    source = snapshot.of_objects
    if source is not None and source.health is Health.STARTING:
        return "the cluster's first answer is still on its way"
    if snapshot.is_machine:
        return "no vLLM server on this machine"
    return untrusted(unknown_pods(snapshot)) or "no pods"


def _unmatched(snapshot: Snapshot, glyphs: Glyphs) -> Iterator[str]:
    """Yield what could not be joined: the first of each kind, and how many more."""
    if snapshot.free_gpus:
        free, total = (sum(counts) for counts in zip(*snapshot.free_gpus.values(), strict=True))
        yield f"{free} of {total} GPU{'s are' if total > 1 else ' is'} free"
    elif snapshot.gpus and not snapshot.is_machine and (lack := snapshot.coverage.lack("nodes", "pods")):
        yield f"{glyphs.unknown} which GPUs are free is not known: {untrusted(lack)}"
    for join in Join:
        found = [
            unmatched
            for unmatched in snapshot.unmatched
            if unmatched.join is join and not is_free_gpu(snapshot, unmatched)
        ]
        for unmatched in found[:LOOSE_NAMED]:
            yield f"{glyphs.unknown} {join}: {untrusted_name(unmatched.key)} {untrusted(unmatched.detail)}"
        if len(found) > LOOSE_NAMED:
            yield f"{glyphs.unknown} {join}: {len(found) - LOOSE_NAMED} more"


def _head(snapshot: Snapshot, glyphs: Glyphs, *, production: bool) -> Iterator[str]:
    cluster = snapshot.cluster
    between = f" {glyphs.between} "
    place = untrusted(cluster.context or cluster.server or "no cluster")
    who = untrusted(cluster.user or "nobody")
    mode = ("PRODUCTION, " if production else "") + ("read-only" if cluster.read_only else "read-write")
    at = datetime.fromtimestamp(snapshot.at, UTC)
    pods = "pods not known" if unknown_pods(snapshot) else f"{len(snapshot.pods)} pods"
    yield between.join((f"{place} as {who}", mode, pods, f"{at:%F %T} UTC"))
    for source in snapshot.sources:
        yield _source(source, snapshot.at, between)
    if snapshot.method:
        yield f"rates and percentiles over {snapshot.window:g}s, from {snapshot.method}"


def _source(source: SourceStatus, now: float, between: str) -> str:
    parts = [f"{source.name}: {source.health}"]
    if source.problem:
        parts += [f"for {age_text(now - source.since)}", untrusted(source.problem)]
    return between.join(parts)


def _worst_first(snapshot: Snapshot) -> list[Workload]:
    """Sort by severity, then by who waits the most, then by name."""

    def order(workload: Workload) -> tuple[int, float, str]:
        waiting = snapshot.by_workload.value(workload.key, Quantity.WAITING)
        return rank(_assessment(snapshot, workload.key).severity), -waiting if waiting > 0 else 0.0, workload.key

    return sorted(snapshot.workloads.values(), key=order)


def _worst_pods(snapshot: Snapshot, workload: str) -> list[Pod]:
    pods = [snapshot.pods[key] for key in snapshot.pods_of.get(workload, ())]
    return sorted(pods, key=lambda pod: (rank(_assessment(snapshot, pod.key).severity), pod.key))


def _assessment(snapshot: Snapshot, key: str) -> Assessment:
    return snapshot.assessments.get(key, Assessment(Severity.UNKNOWN))


def _workload_name(snapshot: Snapshot, workload: Workload) -> str:
    model = snapshot.models.get(snapshot.model_of.get(workload.key, ""))
    serves = f" ({untrusted_name(model.name)})" if model and model.name != workload.name else ""
    return f"{untrusted_name(workload.namespace)}/{untrusted_name(workload.name)}{serves}"


def _row(
    snapshot: Snapshot,
    frame: Frame,
    key: str,
    name: str,
    state: str,
    place: Sequence[str],
    layout: tuple[int, list[int], Glyphs],
) -> str:
    name_width, extra, glyphs = layout
    severity, reason = _assessment(snapshot, key)
    cells = [
        _name(name, name_width, glyphs.ellipsis),
        fit(untrusted(state), _STATE_WIDTH, "left", glyphs.ellipsis),
    ]
    for _, width, quantity in _COLUMNS:
        if quantity is Quantity.GPU_UTIL:
            cells += (span.text for span in gpu_activity(frame, key).draw(width, "right", glyphs))
            continue
        text, _role = reading_text(frame.get(key, quantity), MEANINGS[quantity].unit, glyphs=glyphs)
        cells.append(fit(text, width, "right", glyphs.ellipsis))
    cells += [fit(untrusted(t), w, "left", glyphs.ellipsis) for t, w in zip((reason, *place), extra, strict=False)]
    return f"{severity_glyph(severity, glyphs)} {' '.join(cells)}"


def _name(text: str, width: int, ellipsis: str) -> str:
    """A name in its column. A pod's name is cut in front: what tells it from its siblings is the end."""
    name = text.lstrip()
    if name == text:
        return fit(text, width, "left", ellipsis)
    indent = len(text) - len(name)
    return " " * indent + fit_end(name, width - indent, "left", ellipsis)
