"""The vLLM servers on this machine as a table: progress, load, and cause of death."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from console.views.filter import Filter
from console.views.number_cells import number, usage
from console.views.severity_since import coarse
from fleet.dataclass import dataclass
from fleet.local.server import Phase, ServerState, StartStage
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.reading import MISSING
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.bar import bar_spans
from widgets.cells import NOTHING, Cell, Name, Number, Text, Usage
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Align, Span, fit_spans, spans_width, width_of
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text, significant

COLUMNS: tuple[GridColumn, ...] = (
    GridColumn("name", "SERVER", 14, align="left", grow=2, widest=32, priority=0),
    GridColumn("phase", "PHASE", 30, align="left", grow=3, widest=56, priority=1),
    GridColumn("model", "MODEL", 12, align="left", grow=2, widest=48, priority=2),
    GridColumn("address", "ADDRESS", 15, align="left", grow=1, widest=24, priority=3),
    GridColumn("run", "RUN", 4, priority=4),
    GridColumn("wait", "WAIT", 4, priority=4),
    GridColumn("kv", "KV", 4, "%", align="left", grow=1, widest=14, priority=5),
    GridColumn("tok", "TOK/S", 6, priority=6),
    GridColumn("ttft", "TTFT95", 7, priority=5),
    GridColumn("gpus", "GPUS", 5, align="left", priority=7),
    GridColumn("age", "AGE", 5, priority=6),
    GridColumn("version", "VLLM", 7, align="left", widest=14, grow=1, priority=8),
)
_NUMBERS: Mapping[str, Quantity] = {
    "run": Quantity.RUNNING,
    "wait": Quantity.WAITING,
    "tok": Quantity.GENERATION_TOKENS,
    "ttft": Quantity.TTFT_P95,
}
_SHORTEST_BAR = 4
_WIDEST_BAR = 16


def severity_of(server: ServerState) -> Severity:
    """Return the severity of a server."""
    match server.stage.phase:
        case Phase.DEAD:
            return Severity.CRITICAL
        case Phase.READY:
            return Severity.WARNING if server.healthy is False else Severity.OK
        case _:
            return Severity.STARTING


def is_loading(server: ServerState) -> bool:
    """True if it is on its way to be ready."""
    return server.stage.phase not in {Phase.READY, Phase.STOPPING, Phase.DEAD}


def elapsed_at(server: ServerState, now: float) -> float:
    """Return seconds since its start; ``now`` is Unix time, clamped to the last poll."""
    return max(0.0, max(now, server.at) - server.record.begun)


def left_at(server: ServerState, now: float) -> float | None:
    """Return the estimated seconds until it is ready; None if unknown, or overdue."""
    if server.eta is None:
        return None
    left = server.eta - max(0.0, now - server.at)
    return left if left > 0 else None


def count_text(stage: StartStage) -> str:
    """Return the progress of the phase, if it has any: ``3/30``."""
    return f"{significant(stage.done)}/{significant(stage.total)}" if stage.total > 0 else ""


def phase_text(stage: StartStage) -> str:
    """The phase with its count."""
    return f"{stage.phase.value} {count_text(stage)}".rstrip()


def utc_text(server: ServerState, now: float) -> str:
    """``41s, about 1m10s more`` while it loads; else empty."""
    if not is_loading(server):
        return ""
    left = left_at(server, now)
    return age_text(elapsed_at(server, now)) + (f", about {age_text(left)} more" if left is not None else "")


class PhaseCell(NamedTuple):
    """The phase of a server: a bar where it has a count, and the time; for a dead one, why."""

    text: str
    role: Role
    progress: str = ""
    """``3/30``."""
    ratio: float = math.nan
    """Progress of the phase, 0-1; NaN where it has no count."""
    times: tuple[str, ...] = ()
    """The same time in more and in fewer words."""

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        """Spans of exactly ``width`` cells: as many words as leave room for the bar, or else no bar."""
        for progress, time in ((self.progress, self.times[:1]), ("", self.times[:1]), ("", self.times[1:])):
            words = [Span(f"{self.text} {progress}" if progress else self.text, self.role)]
            end = [Span(f" {text}", Role.DIM) for text in time]
            room = min(_WIDEST_BAR, width - spans_width((*words, *end)) - 1)
            if not math.isnan(self.ratio) and room >= _SHORTEST_BAR:
                drawn = bar_spans(self.ratio, room, Role.BAR, glyphs)
                return fit_spans((*words, Span(" "), *drawn, *end), width, align, glyphs.ellipsis)
        text = f"{self.text} {self.progress}" if self.progress else self.text
        fitting = [time for time in self.times if width_of(f"{text} {time}") <= width]
        spans = (Span(text, self.role), *(Span(f" {time}", Role.DIM) for time in fitting[:1]))
        return fit_spans(spans, width, align, glyphs.ellipsis)


def phase_cell(server: ServerState, now: float) -> PhaseCell:
    """The cell of a server's phase."""
    stage, severity = server.stage, severity_of(server)
    role = Role.TEXT if severity is Severity.OK else severity_role(severity)
    if server.reason is not None:
        return PhaseCell(untrusted(f"{stage.phase.value}: {server.reason.text}"), role)
    if severity is Severity.WARNING:
        return PhaseCell(untrusted(stage.detail) or "does not answer", role)
    if not is_loading(server):
        return PhaseCell(stage.phase.value, role)
    elapsed, left = age_text(elapsed_at(server, now)), left_at(server, now)
    times = (elapsed, elapsed)
    if left is not None:
        times = (f"{elapsed}, about {age_text(left)} left", f"{age_text(left)} left")
    if stage.total <= 0:
        return PhaseCell(stage.phase.value, role, times=times)
    return PhaseCell(stage.phase.value, role, count_text(stage), stage.done / stage.total, times)


def pod_keys(snapshot: Snapshot | None, servers: Iterable[ServerState]) -> dict[str, str]:
    """Return id of a server → key of its pod in the Snapshot of this machine; empty in any other."""
    ids = {server.record.id for server in servers}
    if snapshot is None or not ids:
        return {}
    return {pod.uid: key for key, pod in snapshot.pods.items() if pod.uid in ids}


def gpus_text(server: ServerState, snapshot: Snapshot | None, pod: str | None) -> str:
    """Return the GPUs it is on, where they are known, else how many it takes; ``cpu`` for a build that uses none."""
    if snapshot is not None and pod is not None:
        held = sorted(snapshot.gpus[gpu].ordinal for gpu in snapshot.gpus_of.get(pod, ()))
        if held:
            return ",".join(held)
    chosen = server.record.spec.env.get("CUDA_VISIBLE_DEVICES", "")
    if chosen:
        return untrusted(chosen)
    return "cpu" if server.record.cpu else f"{server.record.spec.gpus}x"


def address_of(server: ServerState) -> str:
    """Return its address, without the scheme."""
    return untrusted(f"{server.record.spec.host}:{server.record.spec.port}")


@dataclass(frozen=True, slots=True, eq=False)
class LocalModel:
    """A GridModel of the servers on this machine, by name; ``now`` is Unix time."""

    servers: Sequence[ServerState]
    snapshot: Snapshot | None
    filter: Filter
    now: float
    pods: Mapping[str, str]
    waiting: str = ""
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = COLUMNS

    @property
    def groups(self) -> Sequence[RowGroup]:
        return [
            RowGroup(server.name)
            for server in self.servers
            if not self.filter or self.filter.matches(_says(server), {})
        ]

    def row(self, key: str) -> GridRow:
        server = next(server for server in self.servers if server.name == key)
        spec, severity = server.record.spec, severity_of(server)
        cells: dict[str, Cell] = {
            "name": Text(untrusted_name(server.name), Role.STRONG),
            "phase": phase_cell(server, self.now),
            "model": Name(untrusted(spec.served)),
            "address": Text(address_of(server)),
            "gpus": Text(gpus_text(server, self.snapshot, self.pods.get(server.record.id)), Role.DIM),
            "age": Text(age_text(coarse(elapsed_at(server, self.now))), Role.DIM),
            "version": Text(untrusted(server.record.version), Role.DIM),
            **self._measured(server),
        }
        return GridRow(key, tuple(cells[column.id] for column in self.columns), severity)

    def _measured(self, server: ServerState) -> dict[str, Cell]:
        """Return its numbers from the Snapshot; ``–`` if another cluster is selected, none if it does not serve."""
        if server.stage.phase not in {Phase.READY, Phase.STOPPING}:
            return dict.fromkeys((*_NUMBERS, "kv"), NOTHING)
        key = self.pods.get(server.record.id)
        if self.snapshot is None or key is None:
            missing = {column: Number(MISSING, MEANINGS[quantity].unit) for column, quantity in _NUMBERS.items()}
            return {**missing, "kv": Usage(MISSING)}
        frame = self.snapshot.by_pod
        known = {column: number(frame, key, quantity) for column, quantity in _NUMBERS.items()}
        return {**known, "kv": usage(frame, key, Quantity.KV_USAGE)}


def _says(server: ServerState) -> str:
    spec, reason = server.record.spec, server.reason.text if server.reason is not None else ""
    return f"{server.name} {spec.model} {spec.served} {spec.host}:{spec.port} {server.stage.phase.value} {reason}"


def nothing_runs(lacking: str, *, read_only: bool, filtered: str = "") -> str:
    """Return the text of the empty table, in two lines."""
    if filtered:
        return f"nothing matches  {untrusted(filtered)}\nesc shows everything again"
    if read_only:
        return "no vLLM server runs on this machine\nread-only: none can be started here"
    if lacking:
        return f"no vLLM server runs on this machine\n{untrusted(lacking)}"
    return "no vLLM server runs on this machine\nn starts one, as does quarterdeck local up MODEL"
