"""The fleet grid: thousands of rows, of which a tick draws only those that are on the screen and changed.

Use::

    grid = Grid(id="fleet")
    grid.show(model)            # a GridModel, once per tick; draws nothing when nothing differs
    grid.cursor                 # key of the row under the cursor, None while empty
    grid.targets                # keys of the marked rows in display order, else the one under the cursor

The group under the cursor is open, and so are pinned ones (``+``); children that the model calls alike
are one row, which enter or space opens. The cursor stays with its object, whatever happens to the order; when the
object goes, it moves to the nearest neighbour and ``Grid.Vanished`` says so. Columns that do not fit are on the next
page (→). Messages: Highlighted, Selected, Vanished, MarksChanged, HeadClicked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.grid.columns import ColumnPage, column_at, pages
from widgets.grid.drawing import head_line, notice_lines, scroll_thumb
from widgets.grid.model import Arrangement, GridColumn, GridModel, Nothing
from widgets.grid.outline import RowLevel, group_of
from widgets.grid.painter import RowPainter
from widgets.grid.viewport import Viewport
from widgets.line import BLANK, Line, Span
from widgets.line_view import LineView

Below = Callable[[int, int, Glyphs], Sequence[Line]]
"""Called with the width, the lines that are free and the glyphs."""
_WHEEL = 3
"""Rows per turn of the wheel."""
_BAR_WIDTH = 1
"""The scroll bar's column; it is always reserved, so that nothing shifts when the bar appears and disappears."""
_HEAD = 1
_RIGHT = 3
"""The right button of a mouse."""


class Grid(LineView, can_focus=True):
    """A table that draws the rows in view and no others."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", id="grid.down", show=False),
        Binding("up,k", "move(-1)", "Up", id="grid.up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", id="grid.page_down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", id="grid.page_up", show=False),
        Binding("home,g", "top", "First row", id="grid.top", show=False),
        Binding("end,G", "bottom", "Last row", id="grid.bottom", show=False),
        Binding("right_curly_bracket,shift+down", "group(1)", "Next group", id="grid.next_group", show=False),
        Binding("left_curly_bracket,shift+up", "group(-1)", "Previous group", id="grid.previous_group", show=False),
        Binding("right", "columns(1)", "More columns", id="grid.next_columns", show=False),
        Binding("left", "columns(-1)", "Columns before", id="grid.previous_columns", show=False),
        Binding("space", "mark", "Mark", id="grid.mark", show=False),
        Binding("plus", "pin", "Keep open", id="grid.pin", show=False),
        Binding("enter", "select", "Open", id="grid.select", show=False),
    ]

    class About(Message):
        """Something happened in a grid."""

        def __init__(self, grid: Grid) -> None:
            super().__init__()
            self.grid = grid

        @property
        def control(self) -> Grid:
            return self.grid

    class Highlighted(About):
        """The cursor is on another object."""

        def __init__(self, grid: Grid, key: str | None) -> None:
            super().__init__(grid)
            self.key = key

    class Selected(About):
        """Enter, or a double click, on an object."""

        def __init__(self, grid: Grid, key: str) -> None:
            super().__init__(grid)
            self.key = key

    class Vanished(About):
        """The object under the cursor is gone; the cursor moved to ``now`` (None: nothing is left)."""

        def __init__(self, grid: Grid, key: str, now: str | None) -> None:
            super().__init__(grid)
            self.key, self.now = key, now

    class MarksChanged(About):
        """Rows were marked or unmarked, or marked ones went away."""

        def __init__(self, grid: Grid, keys: tuple[str, ...]) -> None:
            super().__init__(grid)
            self.keys = keys

    class HeadClicked(About):
        """A column's head was clicked: sort by it."""

        def __init__(self, grid: Grid, column: str) -> None:
            super().__init__(grid)
            self.column = column

    class CellPicked(About):
        """A cell was clicked with the right button, or with ctrl: its text is wanted."""

        def __init__(self, grid: Grid, text: str) -> None:
            super().__init__(grid)
            self.text = text

    DEFAULT_CSS = """
    Grid {
        height: 1fr;
    }
    """

    def __init__(
        self,
        *,
        waiting: str = "",
        open_all: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
        classes: str | None = None,
    ) -> None:
        """``waiting`` is the grid's text before the first ``show``; ``open_all`` keeps every group open."""
        super().__init__(id=id, classes=classes)
        self._model: GridModel = Nothing(waiting)
        self._pinned: set[str] = set()
        self._held: set[str] = set()
        """Groups that clicks left open, so that no row below the pointer moves; a key lets them fold."""
        self._viewport = Viewport(self._rows_high, pinned=self._pinned, held=self._held, open_all=open_all)
        self._page = 0
        self._only: tuple[str, ...] = ()
        self._marks: set[str] = set()
        self._painter = RowPainter()
        self._pages_for: tuple[tuple[GridColumn, ...], int] | None = None
        self._pages: tuple[ColumnPage, ...] = ()
        self._clicked: str | None = None
        self.below: Below | None = None
        """Returns lines for the free space below the rows; None for none."""
        self._has_below = False

    def on_unmount(self) -> None:
        self._model = Nothing()
        self._viewport.forget()
        self._painter = RowPainter()

    # used by screens

    @property
    def cursor(self) -> str | None:
        """The key under the cursor; None while the grid is empty, and on a row that stands for several."""
        return None if self._viewport.cursor in self._viewport.outline.folds else self._viewport.cursor

    @property
    def marks(self) -> frozenset[str]:
        return frozenset(self._marks)

    @property
    def targets(self) -> tuple[str, ...]:
        """Keys that an action is for: the marked rows in display order (closed groups last), else the cursor's."""
        if self._marks:
            shown = [key for key in self._viewport.outline.keys if key in self._marks]
            return (*shown, *sorted(self._marks.difference(shown)))
        return (self.cursor,) if self.cursor is not None else ()

    @property
    def visible_keys(self) -> tuple[str, ...]:
        """The rows on the screen, from top to bottom, for which a source should be queried."""
        outline = self._viewport.outline
        shown = (outline.keys[index] for index in self._viewport.in_view())
        return tuple(key for key in shown if key not in outline.folds)

    @property
    def free_lines(self) -> int:
        """Lines that no row needs."""
        rows = len(self._viewport.outline.keys)
        return max(0, self._rows_high() - rows) if rows else 0

    @property
    def cells_drawn(self) -> int:
        """Cells drawn so far: tests count what a tick costs."""
        return self._painter.cells_drawn

    def show(self, model: GridModel, cursor: str | None = None) -> int:
        """Show the model of a new tick, with the cursor on an object of it; returns the number of lines refreshed.

        Without ``cursor`` it stays with its object.
        """
        self._model = model
        before = self._viewport.cursor
        is_there = self._viewport.follow(model, cursor, self._marks)
        self._forget_marks()
        if not is_there and before is not None and not before.startswith("\0"):
            self.post_message(self.Vanished(self, before, self._viewport.cursor))
        if before != self._viewport.cursor:
            self.post_message(self.Highlighted(self, self.cursor))
        return self.redraw()

    def move_to(self, key: str) -> bool:
        """Put the cursor on an object; False where it is not in the grid."""
        group = group_of(self._model.groups, key, self._viewport.group)
        if group is None:
            return False
        if self._viewport.is_at(self._model, key, group):
            return True
        before = self._viewport.cursor
        self._viewport.settle(self._model, key, group, self._viewport.line_of(key), self._marks)
        self.redraw()
        if before != key:
            self.post_message(self.Highlighted(self, self.cursor))
        return True

    def row_text(self, *, only_cut: bool = False) -> str:
        """The texts of the row under the cursor, all pages, with tabs between them; ``only_cut``: those that have no
        room in their columns, where no lines below have them.
        """
        key = self.cursor or ""
        if only_cut:
            cut = () if self._has_below else self._painter.cut(self._model, key, self.glyphs)
            return f" {self.glyphs.between} ".join(cut)
        from widgets.grid.cell_texts import cell_texts

        return "\t".join(cell_texts(self._model, key, self.glyphs).values())

    def clear_marks(self) -> None:
        """Unmark everything."""
        self._set_marks(set())

    @property
    def arrangement(self) -> Arrangement:
        """The columns that are shown, unless those are the first page of all, and the groups that stay open."""
        page = self._layout(self.size.width)
        turned = tuple(placed.column.id for placed in page.placed[1:]) if self._page else ()
        return Arrangement(self._only or turned, tuple(sorted(self._pinned)))

    @property
    def column_ids(self) -> tuple[str, ...]:
        """The ids of all columns but the first."""
        return tuple(column.id for column in self._model.columns[1:])

    def rearrange(self, wanted: Arrangement) -> None:
        """Show these columns and keep these groups open."""
        self._only, self._page, self._pages_for = wanted.columns, 0, None
        self._pinned.clear()
        self._pinned.update(wanted.pinned)
        self._viewport.settle(
            self._model, self._viewport.cursor, self._viewport.group, self._viewport.line, self._marks
        )
        self.redraw()

    # keys and mouse

    def action_move(self, rows: int) -> None:
        self._go(self._viewport.index + rows)

    def action_page(self, screens: int) -> None:
        self._go(self._viewport.index + screens * max(1, self._rows_high() - 1))

    def action_top(self) -> None:
        self._go(0)

    def action_bottom(self) -> None:
        self._go(len(self._viewport.outline.keys) - 1)

    def action_group(self, step: int) -> None:
        """Move to the next group; backwards first to the head of this one."""
        levels = self._viewport.outline.levels
        head = bytes((RowLevel.GROUP,))
        at = levels.find(head, self._viewport.index + 1) if step > 0 else levels.rfind(head, 0, self._viewport.index)
        if at != -1:
            self._go(at)

    def action_columns(self, step: int) -> None:
        page = min(max(0, self._page + step), max(0, len(self._pages) - 1))
        if page != self._page:
            self._page = page
            self.redraw()

    def action_mark(self) -> None:
        """Mark or unmark the row, and move to the next one; open one that stands for several."""
        if not self._unfold() and self._viewport.cursor is not None:
            self._set_marks(self._marks ^ {self._viewport.cursor})
            self.action_move(1)

    def action_pin(self) -> None:
        """Keep the group under the cursor open when the cursor leaves it, or no longer."""
        if self._viewport.pin(self._model, self._marks):
            self.redraw()

    def action_select(self) -> None:
        if not self._unfold() and self._viewport.cursor is not None:
            self.post_message(self.Selected(self, self._viewport.cursor))

    def on_click(self, event: events.Click) -> None:
        column = column_at(self._layout(self.size.width), event.x)
        if event.y < _HEAD:
            if column is not None:
                self.post_message(self.HeadClicked(self, column.id))
            return
        index = self._viewport.top + event.y - _HEAD
        if index >= len(self._viewport.outline.keys):
            return
        before, key = self._clicked, self._viewport.outline.keys[index]
        if event.chain > 1 and before is not None and self._viewport.outline.find(before) is not None:
            key = before  # A tick may have moved the rows since the first of two quick clicks.
        self._held.add(self._viewport.group or "")
        self.move_to(key)
        self._clicked = key
        if event.button == _RIGHT or event.ctrl:
            from widgets.grid.cell_texts import cell_texts

            if column is not None and (text := cell_texts(self._model, key, self.glyphs).get(column.id)):
                self.post_message(self.CellPicked(self, text))
        elif before == key == self._viewport.cursor:
            self._clicked = None
            self.action_select()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-_WHEEL)

    def on_resize(self) -> None:
        self._viewport.scroll_to_cursor()
        self.redraw()

    # positions

    def _rows_high(self) -> int:
        """The lines that there are for rows."""
        return max(0, self.size.height - _HEAD)

    def _go(self, index: int) -> None:
        """Put the cursor on the row at ``index`` of the outline, or on the nearest that there is."""
        keys = self._viewport.outline.keys
        self._held.clear()
        if keys:
            self.move_to(keys[min(max(0, index), len(keys) - 1)])

    def _unfold(self) -> bool:
        """Give alike children a row each if the cursor is on their common row; False otherwise."""
        first = self._viewport.unfold()
        if first is None:
            return False
        self.move_to(first)
        return True

    def _set_marks(self, marks: set[str]) -> None:
        if marks != self._marks:
            self._marks = marks
            self.post_message(self.MarksChanged(self, self.targets if marks else ()))
            self.redraw()

    def _forget_marks(self) -> None:
        """Drop the marks of removed objects: a later namesake does not inherit them."""
        groups = self._model.groups
        self._set_marks({key for key in self._marks if group_of(groups, key) is not None})

    # drawing

    def _layout(self, width: int) -> ColumnPage:
        wanted = (self._model.columns, width)
        if self._pages_for != wanted:
            self._pages = pages(self._model.columns, width - _BAR_WIDTH, self._only)
            self._pages_for = wanted
            self._page = min(self._page, len(self._pages) - 1)
        return self._pages[self._page]

    def lines(self, width: int, height: int) -> Sequence[Line]:
        page = self._layout(width)
        keys = self._viewport.outline.keys
        head = head_line(page, self._page, len(self._pages), self._model.sort, self.glyphs)
        if not keys:
            return [head, *notice_lines(self._model.waiting, width, height - _HEAD)]
        out = [head]
        thumb = scroll_thumb(len(keys), self._viewport.top, height - _HEAD)
        shown = range(self._viewport.top, min(len(keys), self._viewport.top + height - _HEAD))
        rows = [(keys[index], self._viewport.outline.level(index)) for index in shown]
        drawn = self._painter.draw(self._model, rows, page, self._marks, self.glyphs, self._viewport.outline.folds)
        for index, spans in zip(shown, drawn, strict=True):
            line = (*spans, Span(self.glyphs.thumb, Role.DIM)) if index - self._viewport.top in thumb else spans
            out.append(Line(line, Role.CURSOR if index == self._viewport.index else None))
        free = height - len(out)
        below = self.below(width - _BAR_WIDTH, free, self.glyphs) if free > 0 and self.below is not None else ()
        self._has_below = bool(below)
        return [*out, *(BLANK,) * (free - len(below)), *below]
