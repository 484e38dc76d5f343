"""Numbers in words, for evidence: ``KV-cache blocks in use: 97 %``."""

from __future__ import annotations

import math

from fleet.model.quantity import MEANINGS, Quantity, Unit

_SHORTER = {
    Quantity.SLEEP_LEVEL: "sleep level",
    Quantity.XID: "last XID code",
    Quantity.ENGINE_HEALTHY: "healthy by its own report (1 or 0)",
    Quantity.KV_TIER_HEALTHY: "KV cache tier healthy (1 or 0)",
    Quantity.ROW_REMAP_FAILED: "memory rows that could not be replaced",
    Quantity.ROW_REMAP_PENDING: "memory rows that wait for a reset",
    Quantity.SLEEP_OPERATIONS: "sleep or wake operations under way",
    Quantity.FABRIC_STATE: "fabric manager state (3 running, 4 failed)",
}


def quantity_name(quantity: Quantity) -> str:
    """Return its name, without the notes in its table entry."""
    return _SHORTER.get(quantity) or MEANINGS[quantity].text.split(";", 1)[0]


def quantity_text(quantity: Quantity, value: float) -> str:
    """A value with its unit; a dash for none."""
    if math.isnan(value):
        return "–"
    match MEANINGS[quantity].unit:
        case Unit.RATIO:
            return f"{100 * value:.0f} %" if value >= 0.1 or value == 0 else f"{100 * value:.1f} %"
        case Unit.COUNT:
            return f"{value:.0f}"
        case Unit.SECONDS:
            return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
        case Unit.CELSIUS as unit:
            return f"{value:.0f} {unit.value}"
        case Unit.PER_SECOND:
            return f"{value:.1f}/s"
        case unit:
            return f"{value:,.0f} {unit.value}"
