"""A log as it is written: bounded memory, follows its end, and a flood is drawn once per frame."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from themes.palette import Role
from widgets.log_buffer import LogBuffer, LogLine
from widgets.log_words import ROLES, LogLevel, folded_line, level_of
from widgets.text_pane import TextPane

NARROW = 100
"""Width in cells below which the prefixes of lines are folded by default."""
NARROW_TOGETHER = 140
"""The same where each line begins with the name of its pod."""


class LogView(TextPane):
    """``append`` lines; scrolling up stops following, the end (G) or ``s`` takes it up again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "follow", "Follow", id="log.follow", show=False),
        Binding("t", "timestamps", "Timestamps", id="log.timestamps", show=False),
        Binding("C", "clear", "Clear", id="log.clear", show=False),
    ]

    class StateChanged(Message):
        """Following, wrapping or timestamps were switched, or lines were dropped."""

        def __init__(self, view: LogView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> LogView:
            return self.view

    def __init__(self, buffer: LogBuffer | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._buffer = buffer or LogBuffer()
        self._following = True
        self._timestamps = False
        self._folding: bool | None = None
        """True if prefixes are folded; None for where there is little room."""
        self._pending = False
        self._error = -1
        """Line of the last error gone to."""
        self._reported = 0
        """Number of dropped lines that were reported."""

    def on_unmount(self) -> None:
        self._buffer.clear()

    @property
    def following(self) -> bool:
        return self._following

    @property
    def timestamps(self) -> bool:
        return self._timestamps

    @property
    def dropped(self) -> int:
        """Lines dropped to make room, not counting cleared ones."""
        return self._buffer.dropped

    def append(self, lines: Iterable[LogLine]) -> None:
        """Add lines. Those that arrive before the next frame are drawn together."""
        self._buffer.append(lines)
        if not self._pending and self.is_attached:
            self._pending = True
            self.call_later(self._catch_up)

    def clear(self) -> None:
        """Start with an empty log."""
        self._buffer.clear()
        self._current = None
        self._catch_up()

    def _catch_up(self) -> None:
        self._pending = False
        if self.dropped != self._reported:
            self._reported = self.dropped
            self.post_message(self.StateChanged(self))
        self._move(*(self._last_start() if self._following else self._at))
        self.redraw()

    @property
    def first(self) -> int:
        return self._buffer.first

    @property
    def end(self) -> int:
        return self._buffer.end

    @property
    def folding(self) -> bool:
        """True if the prefixes of lines are folded."""
        if self._folding is not None:
            return self._folding
        named = self.end > self.first and bool(self._buffer[self.end - 1].who)
        return self.size.width < (NARROW_TOGETHER if named else NARROW)

    @property
    def last_at(self) -> float | None:
        """Unix time of the newest line; None if there is none, or its time is unknown."""
        return self._buffer[self.end - 1].at if self.end > self.first else None

    def text(self, number: int) -> str:
        line = self._buffer[number]
        # The time in front of a line is not told twice.
        is_timed = self._timestamps and line.at is not None
        return folded_line(line.text, with_time=not is_timed) if self.folding else line.text

    def prefix(self, number: int) -> str:
        line = self._buffer[number]
        at = f"{_clock(line.at, self.last_at)} " if self._timestamps and line.at is not None else ""
        return f"{line.who} {at}" if line.who else at

    def role(self, number: int) -> Role:
        level = level_of(self._buffer[number].text)
        return Role.TEXT if level is None else ROLES[level]

    @property
    def lines_kept(self) -> list[LogLine]:
        """All buffered lines, as they were written."""
        return [self._buffer[number] for number in range(self.first, self.end)]

    def toggle_folding(self) -> None:
        """Fold the prefixes of the lines, or show them whole."""
        self._folding = not self.folding
        self._catch_up()

    def find_error(self, step: int) -> tuple[int, int] | None:
        """Go to the first error, then to the next or the previous one; None if no line contains one.

        Returns its number among the errors, from 1, and how many there are.
        """
        errors = [n for n in range(self.first, self.end) if level_of(self._buffer[n].text) is LogLevel.ERROR]
        if not errors:
            return None
        at = self._error
        beyond = [n for n in errors if n > at] if step > 0 else [n for n in reversed(errors) if n < at]
        if at < self.first:
            beyond = errors if step > 0 else errors[::-1]
        self._error = (beyond or (errors if step > 0 else errors[::-1]))[0]
        self._current = self._error
        self._reveal(self._error)
        self.redraw()
        return errors.index(self._error) + 1, len(errors)

    # keys

    def action_scroll_rows(self, rows: int) -> None:
        super().action_scroll_rows(rows)
        self._set_following(following=rows > 0 and self.at_end)

    def action_top(self) -> None:
        super().action_top()
        self._set_following(following=False)

    def action_bottom(self) -> None:
        super().action_bottom()
        self._set_following(following=True)

    def action_follow(self) -> None:
        self._set_following(following=not self._following)
        self._catch_up()

    def action_timestamps(self) -> None:
        self._timestamps = not self._timestamps
        self._catch_up()
        self.post_message(self.StateChanged(self))

    def action_wrap(self) -> None:
        super().action_wrap()
        self._catch_up()
        self.post_message(self.StateChanged(self))

    def action_clear(self) -> None:
        self.clear()

    def on_resize(self) -> None:
        self._catch_up()

    def _reveal(self, number: int) -> None:
        super()._reveal(number)
        self._set_following(following=False)

    def _set_following(self, *, following: bool) -> None:
        if following != self._following:
            self._following = following
            self.post_message(self.StateChanged(self))


def _clock(at: float, newest: float | None) -> str:
    """The time of day of a line in UTC; its date, too, where that is not the newest line's."""
    moment = datetime.fromtimestamp(at, UTC)
    today = newest is None or moment.date() == datetime.fromtimestamp(newest, UTC).date()
    return f"{moment:%H:%M:%S}" if today else f"{moment:%m-%d %H:%M:%S}"
