"""Display of the recorder: always among the sources, and in the header if a requested recording fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from console.views.header import header_model, outages
from console.views.sources import source_lines
from fleet.model.snapshot import RECORDER, Health, Snapshot, SourceStatus
from tests.fleets import make_snapshot
from themes.glyphs import UNICODE
from widgets.line import Line

KEPT = SourceStatus(RECORDER, Health.LIVE, 0.0, endpoint="/state/prod.qdr", notes=("kept since 2026-11-29 09:00:00",))
FULL = replace(KEPT, health=Health.DEGRADED, notes=("nothing is recorded: disk is full", "Free some space."))
ELSEWHERE = replace(KEPT, health=Health.OFF, notes=("another console records it",))
ASKED_FOR = SourceStatus(RECORDER, Health.DOWN, 0.0, problem="nothing is recorded: disk is full")


def shown(status: SourceStatus) -> Snapshot:
    snapshot = make_snapshot()
    return replace(snapshot, sources=(*snapshot.sources, status))


def badges(status: SourceStatus) -> list[str]:
    model = header_model(shown(status), "prod", "", read_only=False, production=(), under_way=0)
    return [badge.name for badge in model.sources]


def words(lines: Sequence[Line]) -> str:
    return "\n".join("".join(span.text for span in line.spans) for line in lines)


@pytest.mark.parametrize("status", [KEPT, FULL, ELSEWHERE])
def test_what_is_always_kept_is_told_among_the_sources_alone(status: SourceStatus) -> None:
    assert RECORDER not in badges(status)
    assert not outages(shown(status), 120, 40, UNICODE)
    text = words(source_lines(shown(status), 120, UNICODE))
    assert all(note in text for note in status.notes)
    assert "/state/prod.qdr" in text


def test_a_recording_that_was_asked_for_and_fails_is_said_in_the_header() -> None:
    assert badges(ASKED_FOR)[-1] == RECORDER
    assert "disk is full" in words(outages(shown(ASKED_FOR), 120, 40, UNICODE))
