"""The servers and benchmarks of this machine as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from console.report.sheets.sheet import (
    DATA,
    DRAWN,
    WIDE,
    Sheet,
    SheetCell,
    SheetColumn,
    SheetRow,
    moment,
    number,
    words,
)
from fleet.local.benches import Bench, ConcurrencyLevel
from fleet.local.comparison import RATES
from fleet.local.server import Phase, ServerState
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted
from widgets.values import age_text, scaled, seconds_text

_LATENCIES: Final = ("ttft_p50", "ttft_p95", "ttft_p99", "itl_p50", "itl_p95", "itl_p99")


def servers_sheet(servers: Sequence[ServerState]) -> Sheet:
    """The vLLM servers on this machine."""
    columns = (
        SheetColumn("name", "NAME", least=8), SheetColumn("phase", "PHASE", shown=DRAWN),
        SheetColumn("phase", "", shown=DATA),
        SheetColumn("since", "SINCE", moves=True), SheetColumn("url", "ADDRESS"),
        SheetColumn("models", "SERVES", least=12, priority=1), SheetColumn("pid", "PID", priority=2),
        SheetColumn("log", "LOG", shown=WIDE),
    )  # fmt: skip

    def row(state: ServerState) -> SheetRow:
        record, stage = state.record, state.stage
        phase = stage.phase.value
        if stage.phase is Phase.READY and state.healthy is False:
            phase = "ready, does not answer"
        elif state.eta is not None and stage.phase is not Phase.READY and state.alive:
            phase += f", about {age_text(state.eta)} more"
        began = stage.began or record.begun
        since = age_text(max(0.0, state.at - began))
        if stage.phase is Phase.DEAD and not state.end_seen:
            # It was last seen then, and ended after that.
            since = f"<{since}"
        cells = (
            words(untrusted(state.name)),
            SheetCell(untrusted(phase)),
            words(stage.phase.value),
            SheetCell(since, began),
            words(untrusted(record.spec.url)),
            words(untrusted(", ".join(state.models) or record.spec.served)),
            SheetCell(str(record.identity.pid), record.identity.pid),
            words(untrusted(str(record.log))),
        )
        return SheetRow(record.id, untrusted(state.name), cells)

    return Sheet(columns, tuple(map(row, servers)))


def benches_sheet(benches: Sequence[Bench], glyphs: Glyphs) -> Sheet:
    """A row for each concurrency of each benchmark of this machine, the newest benchmark first."""
    columns = (
        SheetColumn("at", "TIME"), SheetColumn("server", "SERVER", least=8), SheetColumn("model", "MODEL", least=12),
        SheetColumn("concurrency", "CONCURRENT", align="right"), SheetColumn("failed", "FAILED", align="right"),
        *(SheetColumn(name, f"{name[:-5].upper()}/S", align="right") for name in sorted(RATES)),
        *(
            SheetColumn(name, name.upper().replace("_P", ""), align="right", priority=at)
            for at, name in enumerate(_LATENCIES)
        ),
        SheetColumn("version", "VLLM", shown=WIDE),
    )  # fmt: skip

    def row(bench: Bench, level: ConcurrencyLevel) -> SheetRow:
        rates = ((getattr(level, name), scaled) for name in sorted(RATES))
        latencies = ((getattr(level, name), seconds_text) for name in _LATENCIES)
        cells = (
            moment(bench.at),
            words(untrusted(bench.server)),
            words(untrusted(bench.model)),
            number(level.concurrency, glyphs),
            number(level.failed, glyphs),
            *(number(value, glyphs, None if value is None else say(value)) for value, say in (*rates, *latencies)),
            words(untrusted(bench.version)),
        )
        return SheetRow(f"{bench.id} {level.concurrency}", untrusted(bench.server), cells)

    rows = tuple(row(bench, level) for bench in benches for level in bench.levels)
    return Sheet(columns, rows, empty="no benchmarks yet: quarterdeck local bench SERVER")
