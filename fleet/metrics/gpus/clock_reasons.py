"""Reasons for lowered GPU clocks, from NVML's bit mask (nvmlClocksEventReasons) as exporters pass it on."""

from __future__ import annotations

from fleet.metrics.dialect import Bits, bit_words

REASONS: Bits = (
    (0x04, "power cap"),
    (0x08, "hardware slowdown"),
    (0x10, "sync boost"),
    (0x20, "thermal (software)"),
    (0x40, "thermal (hardware)"),
    (0x80, "power brake"),
)
"""NVML's nvmlClocksEventReasons. Idle (0x1), a user-set clock (0x2) and display clocks (0x100) are left out: they slow
nothing down.
"""


def throttle_reasons(mask: float) -> tuple[str, ...]:
    """Return what lowers the clocks now, in words; none for 0 or a blank."""
    return bit_words(mask, REASONS)
