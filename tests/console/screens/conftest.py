"""Fixtures shared by the tests of all screens."""

from __future__ import annotations

import pytest

from console.screens import under_cursor


@pytest.fixture(autouse=True)
def _asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of a session but what a test asks for, however long it takes on a busy machine."""
    monkeypatch.setattr(under_cursor, "ASK_AFTER", 3600.0)
