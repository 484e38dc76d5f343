"""Numbers in sentences."""

from __future__ import annotations

from fleet.model.counting import count as count
from fleet.model.reading import Bound, Reading


def span(seconds: float) -> str:
    """Return a duration in words: ``8s``, ``1m40s``, ``2h05m``, ``12d``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s" if whole % 60 else f"{whole // 60}m"
    if whole < 2 * 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d"


def bounded_span(reading: Reading) -> str:
    """Return a duration with its histogram's bounds: ``8s``, ``20s to 40s``, ``at least 2m``."""
    match reading.bound:
        case Bound.WITHIN:
            return f"{span(reading.low)} to {span(reading.edge)}"
        case Bound.AT_LEAST:
            return f"at least {span(reading.edge)}"
        case Bound.AT_MOST:
            return f"at most {span(reading.edge)}"
        case _:
            return span(reading.value)


def some_names(names: list[str] | tuple[str, ...], most: int = 3) -> str:
    """A few of them by name, the rest as a number."""
    shown = list(names[:most])
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
