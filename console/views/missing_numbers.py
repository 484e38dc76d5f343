"""The gateways of a model, and the reason for a ``–``: what engines and gateways do not expose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from console.views.layout import head, labelled, packed, wrapped
from console.views.load import value_span
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.registry import ENGINES, GATEWAYS
from fleet.model.measurement import GatewayId
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Origin, Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span
from widgets.untrusted import untrusted_name

OF_ENGINES: Mapping[Quantity, str] = {
    Quantity.RUNNING: "running requests",
    Quantity.WAITING: "waiting requests",
    Quantity.KV_USAGE: "KV cache",
    Quantity.PROMPT_TOKENS: "prompt tokens/s",
    Quantity.GENERATION_TOKENS: "tokens/s",
    Quantity.TTFT_P95: "TTFT",
    Quantity.ITL_P95: "ITL",
    Quantity.E2E_P95: "request latency",
    Quantity.QUEUE_P95: "queue time",
    Quantity.ERROR_RATIO: "errors",
    Quantity.PREFIX_HIT_RATIO: "prefix-cache hits",
    Quantity.PREEMPTIONS: "preemptions",
}
OF_GATEWAYS: Mapping[Quantity, str] = {
    Quantity.GATEWAY_IN_FLIGHT: "in flight",
    Quantity.GATEWAY_QUEUED: "queued",
    Quantity.GATEWAY_REQUESTS: "requests/s",
    Quantity.GATEWAY_REJECTIONS: "rejected/s",
    Quantity.GATEWAY_ERRORS: "errors/s",
    Quantity.GATEWAY_RETRIES: "retries/s",
    Quantity.GATEWAY_BREAKERS: "open circuit breakers",
    Quantity.GATEWAY_TTFT_P95: "TTFT p95",
    Quantity.GATEWAY_E2E_P95: "latency p95",
}
OF_GPUS: Mapping[Quantity, str] = {
    Quantity.GPU_UTIL: "utilisation",
    Quantity.SM_ACTIVE: "SM activity",
    Quantity.TENSOR_ACTIVE: "tensor activity",
    Quantity.DRAM_ACTIVE: "memory activity",
    Quantity.GPU_MEMORY_USED: "memory used",
    Quantity.GPU_MEMORY_TOTAL: "memory",
    Quantity.GPU_TEMPERATURE: "temperature",
    Quantity.GPU_MEMORY_TEMPERATURE: "memory temperature",
    Quantity.GPU_POWER: "power",
    Quantity.SM_CLOCK: "clock",
    Quantity.XID: "errors",
    Quantity.THROTTLE: "throttling",
}
"""Quantities of GPUs that screens show, in their words."""


def unexposed_lines(snapshot: Snapshot, pods: Iterable[str], width: int) -> list[Line]:
    """A line per product that has no metric of something that the screens show."""
    lacks: dict[tuple[str, tuple[str, ...]], None] = {}
    for key in pods:
        lacks |= dict.fromkeys((origin.product, origin.dialects) for origin in _origins(snapshot, key))
    lines: list[Line] = []
    for product, dialects in lacks:
        if reason := _lack(ENGINES, product, dialects, OF_ENGINES):
            lines += wrapped("", reason, width, Role.DIM)
    return lines


def gateway_lines(snapshot: Snapshot, model: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the gateways of a model, by its key: each one's numbers, and what it does not expose."""
    rows = [snapshot.gateways[key] for key in snapshot.gateways_of.get(model, ()) if key in snapshot.gateways]
    if not rows:
        return []
    lines = [head("gateways", "all requests for this model that they receive")]
    frame = snapshot.before_models
    known = [(name, quantity) for quantity, name in OF_GATEWAYS.items() if frame.get(model, quantity).known]
    values = ((name, value_span(frame, model, quantity, glyphs)) for name, quantity in known)
    lines += packed("", values, width) or [labelled("", Span("no numbers yet", Role.DIM))]
    for process, mine in _by_process(rows).items():
        behind = sum(bool(row.backend) for row in mine)
        servers = f"   servers behind it: {behind}" if behind else ""
        lines.append(labelled(mine[0].dialect, Span(untrusted_name(process)), Span(servers, Role.DIM)))
    for dialect in dict.fromkeys(row.dialect for row in rows):
        if reason := _lack(GATEWAYS, dialect, (dialect,), OF_GATEWAYS):
            lines += wrapped("", reason, width, Role.DIM)
    return lines


def _by_process(rows: Sequence[GatewayId]) -> dict[str, list[GatewayId]]:
    found: dict[str, list[GatewayId]] = {}
    for row in rows:
        found.setdefault(f"{row.namespace}/{row.pod}" if row.pod else row.instance, []).append(row)
    return found


def _lack(dialects: DialectSet, product: str, speaks: Sequence[str], shown: Mapping[Quantity, str]) -> str:
    missing = [name for quantity, name in shown.items() if speaks and not dialects.exposes(speaks, quantity)]
    return f"{product} does not expose: {', '.join(missing)}" if missing else ""


def _origins(snapshot: Snapshot, pod: str) -> list[Origin]:
    return [snapshot.origins[key] for key in snapshot.engines_of.get(pod, ()) if key in snapshot.origins]
