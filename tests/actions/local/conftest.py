"""The machine of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.local.fakes import Box, Open, a_box


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the machine of the test, as it shall behave."""
    async with AsyncExitStack() as stack:

        async def open_(**behaviour: Any) -> Box:
            return await stack.enter_async_context(a_box(tmp_path, **behaviour))

        yield open_
