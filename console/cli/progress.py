"""Progress of a command that takes more than a second: one line on stderr, only on a terminal, removed at the end."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

from console.cli import streams
from console.cli.output import page_width
from fleet.model.snapshot import Health, SourceStatus
from widgets.values import age_text

T = TypeVar("T")

AFTER: Final = 1.0
"""Seconds within which nothing is shown: most commands end sooner."""
EVERY: Final = 0.2
_BAR: Final = 24
_SOON: Final = 0.02
"""Share of it all before which how long the rest takes is anybody's guess."""


class ProgressLine:
    """A line that is written over; a context that takes it away at its end."""

    def __init__(self) -> None:
        self._begun = self._printed = time.monotonic()
        # Clearing the line takes an escape sequence, which a dumb terminal would print.
        self._wanted = sys.stderr.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._printed > self._begun:
            streams.pass_over("")

    def show(self, text: str, done: float = 0.0, total: float = 0.0) -> None:
        """Show the progress, as a bar if ``total`` is known; at most at intervals."""
        now = time.monotonic()
        if not self._wanted or now - self._begun < AFTER or now - self._printed < EVERY:
            return
        self._printed = now
        line = progress_text(text, done, total, now - self._begun)
        streams.pass_over(line[: page_width(sys.stderr) - 1])

    def counted(self, text: str) -> Callable[[int, int], None]:
        """Return a callback for the number done and the total."""
        return lambda done, total: self.show(text, done, total)


def progress_text(text: str, done: float, total: float, elapsed: float) -> str:
    """``cases [#####---] 120 of 400, about 30s more``; without a total how long it has taken."""
    if not total:
        return f"{text}, {age_text(elapsed)}"
    ratio = min(1.0, done / total)
    full = round(_BAR * ratio)
    more = f", about {age_text(elapsed / ratio - elapsed)} more" if ratio >= _SOON else ""
    return f"{text} [{'#' * full}{'-' * (_BAR - full)}] {done:,.0f} of {total:,.0f}{more}"


async def with_progress(words: Callable[[], str], waited_for: Awaitable[T]) -> T:
    """Return the awaited result; meanwhile show the progress from ``words``."""
    with ProgressLine() as line:

        async def tick() -> None:
            while True:
                await asyncio.sleep(EVERY)
                line.show(words())

        ticking = asyncio.create_task(tick())
        try:
            return await waited_for
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)


def waiting_for(sources: Sequence[SourceStatus]) -> str:
    """Return ``waiting for kubernetes (1,500 of ~5,000 pods), prometheus``; once all have answered, that it is
    measuring.
    """
    starting = [one for one in sources if one.health is Health.STARTING]
    silent = [one.name for one in sources if one.health is Health.DOWN]
    named = ", ".join(f"{one.name} ({one.progress})" if one.progress else one.name for one in starting)
    text = f"waiting for {named}" if starting else "measuring"
    return f"{text}; no answer from {', '.join(silent)}" if silent else text
