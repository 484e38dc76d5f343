"""The values of a benchmark's form. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fleet.dataclass import dataclass

CONCURRENCY: Final = (1, 4, 16)
_PROMPT, _OUTPUT = 256, 128
_LEVELS = 12
_LEAST = 8
_PER_REQUEST = 4
"""Requests at a level for each that is under way at once, where no number is typed; ``LocalBench.requests``."""


@dataclass(frozen=True, slots=True)
class WantedSweep:
    """A sweep, and its problems by row."""

    concurrency: tuple[int, ...]
    prompt_tokens: int
    output_tokens: int
    requests: int
    """Requests at each level; 0 for the default of ``LocalBench``."""
    problems: Mapping[str, str]

    @property
    def total(self) -> int:
        """Requests of all levels."""
        return sum(self.requests or max(_LEAST, _PER_REQUEST * level) for level in self.concurrency)


def read_bench(values: Mapping[str, str]) -> WantedSweep:
    """Return the input as a sweep; invalid values keep their defaults."""
    problems: dict[str, str] = {}

    def number(key: str, default: int) -> int:
        text = values.get(key, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or int(text) < 1:
            problems[key] = "a whole number of at least 1"
            return default
        return int(text)

    words = values.get("concurrency", "").replace(",", " ").split()
    levels: tuple[int, ...] = CONCURRENCY
    if any(not (word.isascii() and word.isdigit()) or int(word) < 1 for word in words):
        problems["concurrency"] = "whole numbers separated by spaces: 1 4 16"
    elif len(words) > _LEVELS:
        problems["concurrency"] = f"{_LEVELS} levels at most"
    elif words:
        levels = tuple(dict.fromkeys(int(word) for word in words))
    return WantedSweep(
        levels,
        number("prompt_tokens", _PROMPT),
        number("output_tokens", _OUTPUT),
        number("requests", 0),
        problems,
    )
