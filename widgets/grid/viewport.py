"""The position of a grid in its model: rows laid out, the cursor among them, and the visible part."""

from __future__ import annotations

from collections.abc import Callable, Collection

from widgets.grid.model import GridModel, Nothing
from widgets.grid.outline import Outline, group_of, neighbours, outline


class Viewport:
    """The outline of a model with a cursor on it that stays with its object, on the line where the eye left it."""

    def __init__(self, height: Callable[[], int], *, pinned: set[str], held: set[str], open_all: bool = False) -> None:
        """``height`` gives the lines that there are for rows; ``pinned`` and ``held`` are groups that stay open,
        ``open_all`` keeps all of them open.
        """
        self._height = height
        self._open_all = open_all
        self.outline = Outline()
        self._outlined: tuple[GridModel, set[str]] = (Nothing(), set())
        """The model and groups of the outline: the rows below it are only laid out when one of them is new."""
        self.cursor: str | None = None
        self.group: str | None = None
        """The group of the cursor."""
        self.index = 0
        """The row of the cursor in the outline."""
        self.top = 0
        """The first row in view."""
        self._pinned, self._held = pinned, held
        self._unfolded: set[str] = set()
        """Groups whose alike children have a row each."""

    def forget(self) -> None:
        """Drop the model and its rows."""
        self.outline, self._outlined = Outline(), (Nothing(), set())

    @property
    def line(self) -> int:
        """The line of the screen that the cursor is on."""
        return self.index - self.top

    def line_of(self, key: str) -> int:
        """The line of the screen that an object is on; that of the cursor where it is not laid out."""
        at = self.outline.find(key)
        return self.line if at is None else at - self.top

    def in_view(self) -> range:
        """The rows of the outline that are in view."""
        return range(self.top, min(len(self.outline.keys), self.top + self._height()))

    def is_at(self, model: GridModel, key: str, group: str) -> bool:
        """True if the cursor is on this object of this group, laid out from this model."""
        return (key, group) == (self.cursor, self.group) and self._outlined[0] is model

    def follow(self, model: GridModel, cursor: str | None, marks: Collection[str]) -> bool:
        """Lay a new model out, with the cursor on an object of it, by default the current one.

        False if the cursor's object is gone: the cursor then moves to the nearest neighbour.
        """
        groups, before = model.groups, self.cursor
        kept = group_of(groups, before, self.group) if before is not None else None
        wanted, group = (before, kept) if cursor is None else (cursor, group_of(groups, cursor, self.group))
        cursor = wanted if group is not None else None
        if cursor is None:
            cursor, group = self._neighbour(model)
        self.settle(model, cursor, group, self.line, marks, keep_top=self.top == 0)
        return before is None or kept is not None

    def settle(
        self,
        model: GridModel,
        cursor: str | None,
        group: str | None,
        line: int,
        marks: Collection[str],
        *,
        keep_top: bool = False,
    ) -> None:
        """Lay the rows out with the cursor on its object, on the same line of the screen as before.

        ``keep_top``: the view was at its top and stays there while the cursor is in it, so that the worst rows are
        never hidden above. Marked rows are never folded.
        """
        opened = self._pinned | self._held | ({group} if group is not None else set())
        if self._open_all:
            opened = {entry.key for entry in model.groups}
        # A group folds when the cursor leaves it.
        self._unfolded &= opened
        index = self.outline.find(cursor) if self._outlined == (model, opened) else None
        if index is None:
            self._outlined = (model, opened)
            seen = marks if cursor is None else {*marks, cursor}
            self.outline = outline(model.groups, opened, self._unfolded, seen)
            index = self.outline.find(cursor)
        if index is None and group is not None:
            # The row was a summary of rows that are now shown individually.
            cursor, index = group, self.outline.find(group)
        self.cursor, self.group, self.index = cursor, group, index or 0
        height = self._height()
        if not height:
            # Not laid out yet, so there is no position to preserve.
            self.top = 0
        elif not (keep_top and self.index < height):
            self.top = self.index - min(max(0, line), max(0, height - 1))
        self.scroll_to_cursor()

    def scroll_to_cursor(self) -> None:
        """Move the view as little as brings the cursor into it."""
        height = self._height()
        if not height:
            return
        top = min(self.top, self.index)
        top = max(top, self.index - height + 1)
        self.top = min(max(0, top), max(0, len(self.outline.keys) - height))

    def pin(self, model: GridModel, marks: Collection[str]) -> bool:
        """Keep the group of the cursor open when the cursor leaves it, or no longer; False where there is none."""
        if self.group is None:
            return False
        self._pinned ^= {self.group}
        self.settle(model, self.cursor, self.group, self.line, marks)
        return True

    def unfold(self) -> str | None:
        """Give alike children a row each if the cursor is on their common row.

        Returns the first of them, for the cursor; None if the cursor is on no such row.
        """
        fold = self.outline.folds.get(self.cursor or "")
        if fold is None:
            return None
        self._unfolded.add(fold.group)
        self._outlined = (Nothing(), set())
        return fold.first

    def _neighbour(self, model: GridModel) -> tuple[str | None, str | None]:
        """Return the cursor's next (key, group) if its object is gone; Nones if nothing is left."""
        groups = model.groups
        if self.cursor is not None:
            for key in neighbours(self.outline, self.index):
                group = group_of(groups, key, self.group)
                if group is not None:
                    return key, group
        return (groups[0].key, groups[0].key) if groups else (None, None)
