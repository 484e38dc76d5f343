"""Forms: rows one below the other, a remark next to each, and a plan at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import ConsoleScreen, bindings_of
from console.screens.lines import Lines
from fleet.model.counting import count
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.form import FormRow
from widgets.line import Line, Span
from widgets.line_parts import LinePart, arrange


class FormRows(VerticalScroll, can_focus=False):
    """The rows, and the text above them; it scrolls to the focused one."""

    DEFAULT_CSS = """
    FormRows {
        height: 1fr;
        scrollbar-size-vertical: 0;
    }
    FormRows #explanation {
        height: 0;
    }
    """

    def __init__(self, intro: Lines, rows: Sequence[FormRow]) -> None:
        super().__init__()
        self._parts = (intro, *rows)

    def compose(self) -> Iterable[Widget]:
        yield from self._parts


class FormScreen(ConsoleScreen):
    """Base of forms. Enter moves to the next row, and plans on the last one, as ctrl-s does anywhere."""

    where = ScreenId.FORM
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.FORM)
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    FormScreen #title, FormScreen #hint {
        height: 1;
    }
    FormScreen #preview {
        height: 2;
    }
    """

    def __init__(self, desk: Desk, title: str, rows: Sequence[FormRow]) -> None:
        super().__init__(desk)
        self.rows: Mapping[str, FormRow] = {row.key: row for row in rows}
        self._title, self._hint = Lines(id="title"), Lines(id="hint")
        self._words = title
        self._explanation = Lines(id="explanation")
        self._preview = Lines(id="preview")
        self._body = FormRows(self._explanation, rows)

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self._body
        yield self._preview
        yield self._hint

    def on_mount(self) -> None:
        self._title.show(lambda _width, _glyphs: [Line((Span(f" {self._words}", Role.STRONG),))])
        self.focus_body()
        self.check()

    # defined by subclasses

    def check(self) -> None:
        """Validate the input, and show problems next to the rows."""
        raise NotImplementedError

    def plan(self) -> None:
        """Plan the validated input."""
        raise NotImplementedError

    @property
    def problems(self) -> Mapping[str, str]:
        """Problems by row, as ``check`` found them."""
        raise NotImplementedError

    # values

    @property
    def values(self) -> dict[str, str]:
        """Typed and chosen values, by row; none for the rows that keep their default."""
        return {key: row.value for key, row in self.rows.items() if row.value}

    def say_beside(self, remarks: Mapping[str, str]) -> None:
        """Show a problem, or else a remark, next to each row."""
        for key, row in self.rows.items():
            problem = self.problems.get(key, "")
            row.say(problem or remarks.get(key, ""), Role.ERROR if problem else Role.ACCENT)

    def submit(self) -> None:
        self.check()
        wrong = next((row for key, row in self.rows.items() if key in self.problems), None)
        if wrong is None:
            self.plan()
        else:
            wrong.take_focus()
            self.say(self.problems[wrong.key], Role.WARNING)

    # keys

    def _go(self, row: FormRow, step: int) -> bool:
        """Go to the row before or after; False where there is none."""
        rows = list(self.rows.values())
        at = rows.index(row) + step
        if not 0 <= at < len(rows):
            return False
        rows[at].take_focus()
        return True

    def on_form_row_left(self, message: FormRow.Left) -> None:
        self._go(message.row, message.step)

    def on_form_row_entered(self, message: FormRow.Entered) -> None:
        if not self._go(message.row, 1):
            self.submit()

    def on_form_row_given_up(self) -> None:
        self.desk.navigator.go_back()

    def on_form_row_changed(self) -> None:
        self.check()

    def on_descendant_focus(self) -> None:
        self.call_after_refresh(self._show_hint)

    def on_resize(self, event: events.Resize) -> None:
        del event
        self.call_after_refresh(self._show_hint)

    def _show_hint(self) -> None:
        below = round(self._body.max_scroll_y - self._body.scroll_target_y)

        def hint(width: int, glyphs: Glyphs) -> list[Line]:
            keys = (("tab", "next"), (f"{glyphs.left} {glyphs.right}", "choose"), ("enter", "next, and then the plan"))
            left = [LinePart((Span(f"  {key}", Role.KEY), Span(f" {word}", Role.DIM)), 1) for key, word in keys]
            more = [LinePart((Span(f"{glyphs.down} {count(below, 'more line')}", Role.ACCENT),))] if below > 0 else []
            return [arrange(left, more, width, 1)]

        self._hint.show(hint)
