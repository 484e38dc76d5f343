"""Readings as cells, coloured by threshold."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.diagnosis.thresholds import GPU_HOT, GPU_THROTTLED, KV_FULL
from fleet.model.frame import Frame
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.reading import Reading, State
from themes.palette import Role
from widgets.cells import Number, Usage

WARN_FROM: Mapping[Quantity, float] = {
    Quantity.KV_USAGE: KV_FULL.chat,
    Quantity.GPU_TEMPERATURE: GPU_HOT.chat,
    Quantity.THROTTLE: GPU_THROTTLED.chat,
    Quantity.ERROR_RATIO: 0.01,
}
"""Thresholds of numbers drawn as a warning: those of the assessments, and 1 % of errors."""


def role_of(quantity: Quantity, reading: Reading) -> Role:
    """WARNING from the threshold on, else plain."""
    limit = WARN_FROM.get(quantity)
    return Role.WARNING if limit is not None and reading.known and reading.value >= limit else Role.TEXT


def _as_drawn(reading: Reading) -> Reading:
    """Return a reading without an age that is not drawn: a cell with an unchanged number stays equal."""
    if reading.state is State.STALE or not reading.age:
        return reading
    return Reading(reading.value, reading.state, 0.0, reading.bound, reading.edge, reading.low)


def number(frame: Frame, key: str, quantity: Quantity) -> Number:
    """The cell of one reading."""
    reading = _as_drawn(frame.get(key, quantity))
    return Number(reading, MEANINGS[quantity].unit, role_of(quantity, reading))


def gpu_activity(frame: Frame, key: str) -> Number:
    """The cell of GPU utilisation; of a MIG slice, which has none, that of its SMs' activity, marked."""
    utilisation, activity = number(frame, key, Quantity.GPU_UTIL), number(frame, key, Quantity.SM_ACTIVE)
    if utilisation.reading.known or not activity.reading.known:
        return utilisation
    return activity._replace(stand_in=True)


def usage(frame: Frame, key: str, quantity: Quantity) -> Usage:
    """The bar of one ratio."""
    reading = _as_drawn(frame.get(key, quantity))
    role = role_of(quantity, reading)
    return Usage(reading, Role.BAR if role is Role.TEXT else role)
