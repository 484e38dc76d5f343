"""The page of the incident under the cursor, below the list."""

from __future__ import annotations

import pytest

from tests.console.screens.desk import desk
from tests.console.screens.test_incidents import two


async def test_below_the_list_is_the_page_of_the_incident_under_the_cursor() -> None:
    async with desk(two(), size=(120, 40)) as d:
        await d.press("f")
        first = d.text
        assert "WHAT HELPS" in first
        assert "EVIDENCE" in first
        above = d.grid.cursor
        await d.press("down")
        assert d.grid.cursor != above
        assert d.text.partition("WHAT HELPS")[2] != first.partition("WHAT HELPS")[2]


@pytest.mark.parametrize("height", [10, 14, 18, 24])
async def test_below_the_list_is_as_much_as_there_is_room_for(height: int) -> None:
    async with desk(two(), size=(80, height)) as d:
        await d.press("f")
        assert d.line_with("stuck: requests running"), "the list comes first"
        assert d.lines[-1].strip().startswith("enter"), "the keys stay"
        assert ("enter shows the rest" in d.text) == (height > 10)
