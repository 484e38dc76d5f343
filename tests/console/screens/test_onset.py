"""The moment of an incident's onset, from the incident."""

from __future__ import annotations

from console.screens.fleet import FleetScreen
from console.session.failure import NotRecordedError
from tests.console.screens.desk import desk
from tests.console.screens.test_incidents import two
from tests.fleet.diagnosis.fleets import Fleet


async def test_the_onset_of_an_incident_is_two_keys_from_the_fleet() -> None:
    snapshot = two()
    worst = snapshot.incidents[0]
    async with desk(snapshot) as d:
        d.session.now = snapshot.at
        await d.press("f")
        assert "@ onset" in d.text
        await d.press("at")
        assert ("travel", worst.since + 15) in d.session.asked
        assert isinstance(d.screen, FleetScreen), "which is what one wants to see"
        assert f"15s after this began: {worst.sentence}" in d.text


async def test_without_an_incident_there_is_no_onset() -> None:
    async with desk(Fleet(2).at(0)) as d:
        await d.press("at")
        assert "no incident is under the cursor" in d.text
        assert not [asked for asked in d.session.asked if asked[0] == "travel"]


async def test_of_an_incident_that_began_before_the_recording_the_earliest_moment_is_shown() -> None:
    snapshot = two()
    worst = snapshot.incidents[0]
    first = worst.since + 40

    async with desk(snapshot) as d:
        d.session.now = snapshot.at
        asked = d.session.travel

        async def travel(at: float | None) -> None:
            await asked(at)
            if at is not None and at < first:
                raise NotRecordedError("nothing is recorded of then", "", first)

        d.session.travel = travel  # type: ignore[method-assign]
        await d.press("f", "at")
        assert d.session.asked[-2:] == [("travel", worst.since + 15), ("travel", first + 15)]
        assert "the earliest that is recorded; this began before" in d.text
