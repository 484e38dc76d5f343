"""The page of an incident offers no key that the mode of the console refuses."""

from __future__ import annotations

from dataclasses import replace

from console.config.options import Options
from fleet.model.in_past import PAST
from fleet.model.snapshot import Health, SourceStatus
from tests.console.screens.desk import desk
from tests.console.screens.test_incidents import queue
from tests.fleet.rows import NOW


async def test_no_key_is_offered_for_a_remedy_that_the_mode_refuses() -> None:
    now = queue()
    past = replace(now, sources=(*now.sources, SourceStatus(PAST, Health.OFF, NOW)))
    for snapshot, options in ((past, Options()), (now, Options(read_only=True))):
        async with desk(snapshot, options=options) as d:
            await d.press("f", "enter")
            assert d.line_with("add replicas").split()[:2] == ["add", "replicas"]
            assert ("nothing is changed in the past; :now goes back" in d.text) is (snapshot is past)
