"""The themes, each shown while the cursor is on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.commands.desk import Desk
from console.commands.theming import every_theme, keep_theme, show_theme
from console.screens.choice import ChoiceScreen
from widgets.grid import Grid


class ThemesScreen(ChoiceScreen):
    """Enter keeps the theme under the cursor; leaving in any other way brings the one from before back."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "theme", _read, "", partial(keep_theme, desk))
        self._before = ""
        self._is_kept = False

    def on_mount(self) -> None:
        # Not of the look: each screen has its own, and only the newest change is the app's.
        self._before = self._current = self.app.theme

    def on_grid_highlighted(self) -> None:
        # The cursor is on the first row for a moment, before it is put on the current theme.
        name = self.grid.cursor
        if name is not None and name != self.app.theme and not self._is_kept:
            show_theme(self.desk, name)

    def on_grid_selected(self, message: Grid.Selected) -> None:
        del message
        self._is_kept = True

    def on_unmount(self) -> None:
        if not self._is_kept:
            show_theme(self.desk, self._before)


async def _read() -> Sequence[tuple[str, str]]:
    return [(name, name) for name in every_theme()]
