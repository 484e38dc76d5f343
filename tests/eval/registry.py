"""The kinds of incidents: each is a function that makes a case, with the inputs that it needs to be detectable."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.eval.case import Case

NUMBERS, GPUS, EVENTS = "numbers", "gpus", "events"


@dataclass(frozen=True)
class Kind:
    """A kind of incident, or of calm that looks like one."""

    name: str
    about: str
    play: Callable[[Case], None]
    needs: frozenset[str]
    """Inputs without which it is undetectable; the others may be missing."""
    lasts: float
    """Seconds after the onset."""
    calm: bool
    alone: bool
    """True if it concerns the whole fleet, so that no second one can happen at the same time."""

    @property
    def is_held_out(self) -> bool:
        """True if it belongs to the third that is hidden while causes are written."""
        return held_out(self.name)


def held_out(name: str) -> bool:
    """True if a name belongs to the held-out third: decided by its hash alone."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


_KINDS: dict[str, Kind] = {}


def kind(
    name: str,
    about: str,
    *,
    needs: tuple[str, ...] = (),
    lasts: float = 300.0,
    calm: bool = False,
    alone: bool = False,
) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Register a kind."""

    def register(play: Callable[[Case], None]) -> Callable[[Case], None]:
        if name in _KINDS:
            raise ValueError(f"two kinds are called {name}")
        _KINDS[name] = Kind(name, about, play, frozenset(needs), lasts, calm, alone)
        return play

    return register


def kinds() -> Mapping[str, Kind]:
    """All kinds by name."""
    from tests.eval import held_out as unseen
    from tests.eval import kinds as seen

    seen.load()
    unseen.load()
    return dict(sorted(_KINDS.items()))
