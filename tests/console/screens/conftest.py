"""Fixtures shared by the tests of all screens."""

from __future__ import annotations

import pytest

from console.screens import under_cursor


@pytest.fixture(autouse=True)
def _asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session gets only the requests of the test, however long it takes on a busy machine."""
    monkeypatch.setattr(under_cursor, "ASK_AFTER", 3600.0)
