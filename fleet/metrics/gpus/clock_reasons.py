"""Reasons for lowered GPU clocks, from the bit mask that NVML gives (nvmlClocksEventReasons) and exporters hand on."""

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
"""NVML's nvmlClocksEventReasons. Idle (0x1), a clock that somebody set (0x2) and display clocks (0x100) are left out:
they hold nothing up."""


def throttle_reasons(mask: float) -> tuple[str, ...]:
    """Return what lowers the clocks now, in words; none for nothing or for a blank."""
    return bit_words(mask, REASONS)
