"""The base of the screens of logs, with the operations common to all."""

from __future__ import annotations

import time

from console.commands.desk import Desk
from console.config.saved_files import not_saved, save_text, shown_path
from console.screens.lines import Lines
from console.screens.searched import SearchedScreen
from fleet.model.counting import count
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit_end, width_of
from widgets.log_view import LogView

_SMALLEST_NAME = 12


class LogScreen(SearchedScreen):
    """Follows, folds prefixes, goes from error to error, copies and saves."""

    DEFAULT_CSS = """
    LogScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk) -> None:
        self.log_view = LogView()
        super().__init__(desk, self.log_view)
        self._title = Lines(id="title")

    @property
    def no_error(self) -> str:
        """Message for a log without an error."""
        return "no line here reports an error"

    @property
    def log_name(self) -> str:
        """Name of the log, for the file that it is saved in."""
        raise NotImplementedError

    def toggle_follow(self) -> None:
        self.log_view.action_follow()

    def clear(self) -> None:
        self.log_view.clear()

    def toggle_folding(self) -> None:
        self.log_view.toggle_folding()
        self.say("line prefixes are folded" if self.log_view.folding else "lines are shown in full")

    def step_error(self, step: int) -> None:
        place = self.log_view.find_error(step)
        self.say(self.no_error if place is None else f"error {place[0]} of {place[1]}")

    def copied(self) -> tuple[str, str]:
        lines = self.log_view.shown
        return "\n".join(lines), f"the {count(len(lines), 'line')} on the screen"

    def save(self) -> None:
        """Write all lines of the view to a private file, and show its path."""
        folder = self.desk.options.state
        if folder is None:
            self.say("this console writes no files", Role.WARNING)
            return
        lines = (f"{line.who} {line.text}\n" if line.who else f"{line.text}\n" for line in self.log_view.lines_kept)
        try:
            path = save_text(folder, self.log_name, "log", "".join(lines), time.time())
        except OSError as error:
            self.say(not_saved(error), Role.ERROR)
        else:
            self.say(f"saved: {shown_path(path)}")

    def show_title(self, name: str, state: str) -> None:
        """Show the state of the log beside its name, which is cut at the start if there is little room."""

        def line(width: int, glyphs: Glyphs) -> list[Line]:
            room = max(_SMALLEST_NAME, width - 4 - width_of(state))
            shown = name if width_of(name) <= room else fit_end(name, room, "left", glyphs.ellipsis)
            return [Line((Span(f" {shown}", Role.STRONG), Span(f"   {state}", Role.DIM)))]

        self._title.show(line)
