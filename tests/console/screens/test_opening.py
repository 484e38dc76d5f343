"""The first screen opens however slow the machine is."""

from __future__ import annotations

import pytest
from textual.timer import Timer

from console.app.app import QuarterdeckApp
from console.config.options import Options
from tests.console.screens.scripted import ScriptedSession
from tests.waiting import until
from themes.look import Look, use


async def test_a_machine_that_stands_still_while_a_timer_starts_keeps_nothing_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Textual skips a timer for good whose time is over before its first look at the clock."""
    run = Timer._run
    skipped: list[str] = []

    async def late(self: Timer) -> None:
        if self._repeat == 0:
            skipped.append(self.name)
        else:
            await run(self)

    monkeypatch.setattr(Timer, "_run", late)
    use(Look())
    app = QuarterdeckApp(ScriptedSession(), Options())
    async with app.run_test(size=(80, 24)):
        await until(lambda: app.desk is not None, seconds=30)
