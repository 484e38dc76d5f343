"""Numbers with their nouns, for sentences: one pod is not ``1 pods``."""

from __future__ import annotations


def count(number: float, what: str, many: str = "") -> str:
    """A number and its noun: ``1 pod``, ``3 pods``."""
    return f"{number:.0f} {what if round(number) == 1 else many or what + 's'}"


def share(part: float, whole: float, what: str) -> str:
    """``0 of 1 pod``, ``2 of 3 pods``."""
    return f"{part:.0f} of {count(whole, what)}"


def every(number: int, what: str) -> str:
    """``the only pod``, ``both pods``, ``all 3 pods``."""
    if number == 1:
        return f"the only {what}"
    return f"both {what}s" if number == 2 else f"all {count(number, what)}"
