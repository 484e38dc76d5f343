"""The vLLM nodes of this machine as a table: how far each is, how it is loaded, and why one died."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from console.views.filter import Filter
from console.views.numbers import number, usage
from console.views.since import coarse
from fleet.local.node import NodeState, Phase, Stage
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.reading import MISSING
from fleet.model.snapshot import Severity, Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.bar import bar
from widgets.cells import NOTHING, Cell, Name, Number, Text, Usage
from widgets.grid import Column, Group, Row, Sort
from widgets.line import Align, Span, fit_spans, spans_width, width_of
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text, significant

COLUMNS: tuple[Column, ...] = (
    Column("name", "NODE", 14, align="left", grow=2, widest=32, priority=0),
    Column("phase", "PHASE", 30, align="left", grow=3, widest=56, priority=1),
    Column("model", "MODEL", 12, align="left", grow=2, widest=48, priority=2),
    Column("address", "ADDRESS", 15, align="left", grow=1, widest=24, priority=3),
    Column("run", "RUN", 4, priority=4),
    Column("wait", "WAIT", 4, priority=4),
    Column("kv", "KV", 4, "%", align="left", grow=1, widest=14, priority=5),
    Column("tok", "TOK/S", 6, priority=6),
    Column("ttft", "TTFT95", 7, priority=5),
    Column("gpus", "GPUS", 5, align="left", priority=7),
    Column("age", "AGE", 5, priority=6),
    Column("version", "VLLM", 7, align="left", widest=14, grow=1, priority=8),
)
_NUMBERS: Mapping[str, Quantity] = {
    "run": Quantity.RUNNING,
    "wait": Quantity.WAITING,
    "tok": Quantity.GENERATION_TOKENS,
    "ttft": Quantity.TTFT_P95,
}
_SHORTEST_BAR = 4
_WIDEST_BAR = 16


def severity_of(node: NodeState) -> Severity:
    """How a node stands."""
    match node.stage.phase:
        case Phase.DEAD:
            return Severity.CRITICAL
        case Phase.READY:
            return Severity.WARNING if node.healthy is False else Severity.OK
        case _:
            return Severity.STARTING


def is_loading(node: NodeState) -> bool:
    """It is on its way to be ready."""
    return node.stage.phase not in {Phase.READY, Phase.STOPPING, Phase.DEAD}


def elapsed_at(node: NodeState, now: float) -> float:
    """Seconds since it was started; ``now`` is Unix time, never before the look at the node."""
    return max(0.0, max(now, node.at) - node.record.begun)


def left_at(node: NodeState, now: float) -> float | None:
    """Seconds until it is ready, as was estimated when it was looked at; None for unknown, and once that is over."""
    if node.eta is None:
        return None
    left = node.eta - max(0.0, now - node.at)
    return left if left > 0 else None


def count_text(stage: Stage) -> str:
    """How far the phase is, where it counts: ``3/30``."""
    return f"{significant(stage.done)}/{significant(stage.total)}" if stage.total > 0 else ""


def phase_text(stage: Stage) -> str:
    """The phase with its count."""
    return f"{stage.phase.value} {count_text(stage)}".rstrip()


def time_text(node: NodeState, now: float) -> str:
    """``41s, about 1m10s more`` for one that loads; empty for one that does not."""
    if not is_loading(node):
        return ""
    left = left_at(node, now)
    return age_text(elapsed_at(node, now)) + (f", about {age_text(left)} more" if left is not None else "")


class PhaseCell(NamedTuple):
    """Where a node is: a bar where the phase has a count, and the time; for a dead one, why."""

    text: str
    role: Role
    progress: str = ""
    """``3/30``."""
    ratio: float = math.nan
    """Of the phase, 0-1; NaN where it has no count."""
    times: tuple[str, ...] = ()
    """The same time in more and in fewer words."""

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        """Spans of exactly ``width`` cells: as many words as leave room for the bar, or else no bar."""
        for progress, time in ((self.progress, self.times[:1]), ("", self.times[:1]), ("", self.times[1:])):
            words = [Span(f"{self.text} {progress}" if progress else self.text, self.role)]
            end = [Span(f" {text}", Role.DIM) for text in time]
            room = min(_WIDEST_BAR, width - spans_width((*words, *end)) - 1)
            if not math.isnan(self.ratio) and room >= _SHORTEST_BAR:
                drawn = Span(bar(self.ratio, room, glyphs), Role.BAR)
                return fit_spans((*words, Span(" "), drawn, *end), width, align, glyphs.ellipsis)
        text = f"{self.text} {self.progress}" if self.progress else self.text
        fitting = [time for time in self.times if width_of(f"{text} {time}") <= width]
        spans = (Span(text, self.role), *(Span(f" {time}", Role.DIM) for time in fitting[:1]))
        return fit_spans(spans, width, align, glyphs.ellipsis)


def phase_cell(node: NodeState, now: float) -> PhaseCell:
    """The cell of a node's phase."""
    stage, severity = node.stage, severity_of(node)
    role = Role.TEXT if severity is Severity.OK else severity_role(severity)
    if node.reason is not None:
        return PhaseCell(untrusted(f"{stage.phase.value}: {node.reason.text}"), role)
    if severity is Severity.WARNING:
        return PhaseCell(untrusted(stage.detail) or "does not answer", role)
    if not is_loading(node):
        return PhaseCell(stage.phase.value, role)
    elapsed, left = age_text(elapsed_at(node, now)), left_at(node, now)
    times = (f"{elapsed}, ~{age_text(left)} left", f"~{age_text(left)}") if left is not None else (elapsed, elapsed)
    if stage.total <= 0:
        return PhaseCell(stage.phase.value, role, times=times)
    return PhaseCell(stage.phase.value, role, count_text(stage), stage.done / stage.total, times)


def pod_keys(snapshot: Snapshot | None, nodes: Iterable[NodeState]) -> dict[str, str]:
    """Id of a node → the key of the pod that stands for it in the Snapshot of this machine; none in any other one's."""
    ids = {node.record.id for node in nodes}
    if snapshot is None or not ids:
        return {}
    return {pod.uid: key for key, pod in snapshot.pods.items() if pod.uid in ids}


def gpus_text(node: NodeState, snapshot: Snapshot | None, pod: str | None) -> str:
    """Which GPUs it is on, where they are known, else how many it takes; ``cpu`` for a build that uses none."""
    if snapshot is not None and pod is not None:
        held = sorted(snapshot.gpus[gpu].ordinal for gpu in snapshot.gpus_of.get(pod, ()))
        if held:
            return ",".join(held)
    chosen = node.record.spec.env.get("CUDA_VISIBLE_DEVICES", "")
    if chosen:
        return untrusted(chosen)
    return "cpu" if node.record.cpu else f"{node.record.spec.gpus}x"


def address_of(node: NodeState) -> str:
    """Where it listens, without the scheme."""
    return untrusted(f"{node.record.spec.host}:{node.record.spec.port}")


@dataclass(frozen=True, slots=True, eq=False)
class LocalModel:
    """A GridModel of the nodes of this machine, by name; ``now`` is Unix time."""

    nodes: Sequence[NodeState]
    snapshot: Snapshot | None
    filter: Filter
    now: float
    pods: Mapping[str, str]
    waiting: str = ""
    sort: Sort | None = None
    columns: tuple[Column, ...] = COLUMNS

    @property
    def groups(self) -> Sequence[Group]:
        return [Group(node.name) for node in self.nodes if not self.filter or self.filter.matches(_says(node), {})]

    def row(self, key: str) -> Row:
        node = next(node for node in self.nodes if node.name == key)
        spec, severity = node.record.spec, severity_of(node)
        cells: dict[str, Cell] = {
            "name": Text(untrusted_name(node.name), Role.STRONG),
            "phase": phase_cell(node, self.now),
            "model": Name(untrusted(spec.served)),
            "address": Text(address_of(node)),
            "gpus": Text(gpus_text(node, self.snapshot, self.pods.get(node.record.id)), Role.DIM),
            "age": Text(age_text(coarse(elapsed_at(node, self.now))), Role.DIM),
            "version": Text(untrusted(node.record.version), Role.DIM),
            **self._measured(node),
        }
        return Row(key, tuple(cells[column.id] for column in self.columns), severity)

    def _measured(self, node: NodeState) -> dict[str, Cell]:
        """What the Snapshot has of it; ``–`` where another cluster is in view, nothing for one that does not serve."""
        if node.stage.phase not in {Phase.READY, Phase.STOPPING}:
            return dict.fromkeys((*_NUMBERS, "kv"), NOTHING)
        key = self.pods.get(node.record.id)
        if self.snapshot is None or key is None:
            missing = {column: Number(MISSING, MEANINGS[quantity].unit) for column, quantity in _NUMBERS.items()}
            return {**missing, "kv": Usage(MISSING)}
        frame = self.snapshot.by_pod
        known = {column: number(frame, key, quantity) for column, quantity in _NUMBERS.items()}
        return {**known, "kv": usage(frame, key, Quantity.KV_USAGE)}


def _says(node: NodeState) -> str:
    spec, reason = node.record.spec, node.reason.text if node.reason is not None else ""
    return f"{node.name} {spec.model} {spec.served} {spec.host}:{spec.port} {node.stage.phase.value} {reason}"


def nothing_runs(lacking: str, *, read_only: bool, filtered: str = "") -> str:
    """What the empty table says, in two lines."""
    if filtered:
        return f"nothing matches  {untrusted(filtered)}\nesc shows everything again"
    if read_only:
        return "no vLLM node runs on this machine\nread-only: none is started here"
    if lacking:
        return f"no vLLM node runs on this machine\n{untrusted(lacking)}"
    return "no vLLM node runs on this machine\nn starts one, and so does: quarterdeck local up MODEL"
