"""Estimated time until a server is ready, from the durations of earlier starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from fleet.local.eta import PastStart, digest, estimate, from_json, read_starts, start_of, to_json
from fleet.local.record import STARTS, ServerRecord
from fleet.local.server import Phase, StartStage
from tests.fleet.local.servers import BEGUN, record, state

TOOK = {Phase.STARTING: 10.0, Phase.LOADING: 40.0, Phase.COMPILING: 30.0, Phase.CAPTURING: 20.0}
STARTED = StartStage(Phase.STARTING, BEGUN)
LOADED = StartStage(Phase.LOADING, BEGUN + 10)


def start(of: ServerRecord, took: Mapping[Phase, float] = TOOK, *, model: str = "", arguments: str = "") -> PastStart:
    phases = {phase.value: seconds for phase, seconds in took.items()}
    return PastStart(model or of.spec.model, arguments or digest(of), phases)


def with_arguments(*words: str) -> ServerRecord:
    return replace(record(), argv=("vllm", "serve", "org/tiny", *words))


def test_without_an_earlier_start_nothing_is_foretold() -> None:
    assert estimate((), record(), (STARTED,), BEGUN + 1) is None
    assert estimate((start(record()),), record(), (), BEGUN + 1) is None


def test_a_start_of_another_model_tells_nothing() -> None:
    other = start(record(), model="org/large")
    assert estimate((other,), record(), (STARTED,), BEGUN + 1) is None
    mine = start(record(), {Phase.STARTING: 5.0, Phase.LOADING: 5.0})
    assert estimate((mine, other), record(), (STARTED,), BEGUN + 1) == 9.0


def test_the_phases_ahead_and_the_rest_of_the_present_one() -> None:
    starts = (start(record()),)
    assert estimate(starts, record(), (STARTED,), BEGUN + 4) == 6 + 40 + 30 + 20
    assert estimate(starts, record(), (STARTED, LOADED), BEGUN + 25) == 25 + 30 + 20
    compiling = StartStage(Phase.COMPILING, BEGUN + 50)
    assert estimate(starts, record(), (STARTED, LOADED, compiling), BEGUN + 60) == 20 + 20


def test_a_phase_that_takes_longer_than_ever_adds_nothing_and_takes_nothing_away() -> None:
    assert estimate((start(record()),), record(), (STARTED, LOADED), BEGUN + 90) == 30 + 20


def test_what_is_counted_tells_more_than_what_it_took_before() -> None:
    starts = (start(record()),)
    third = replace(LOADED, done=1, total=4)
    assert estimate(starts, record(), (STARTED, third), BEGUN + 30) == 60 + 30 + 20
    # 0 % and 100 % give no speed.
    for done in (0, 4):
        counted = replace(LOADED, done=done, total=4)
        assert estimate(starts, record(), (STARTED, counted), BEGUN + 30) == 20 + 30 + 20


def test_of_several_starts_the_last_one_with_the_same_arguments_counts() -> None:
    slow = start(record(), {Phase.STARTING: 100.0}, arguments="others")
    first = start(record(), {Phase.STARTING: 50.0})
    latest = start(record(), {Phase.STARTING: 20.0})
    assert estimate((first, latest, slow), record(), (STARTED,), BEGUN + 1) == 19
    assert estimate((latest, first, slow), record(), (STARTED,), BEGUN + 1) == 49


def test_one_with_other_arguments_is_better_than_nothing() -> None:
    slow = start(record(), {Phase.STARTING: 100.0}, arguments="others")
    assert estimate((slow,), record(), (STARTED,), BEGUN + 1) == 99


def test_a_start_that_is_far_too_late_or_due_is_foretold_nothing() -> None:
    starts = (start(record()),)
    assert estimate(starts, record(), (STARTED,), BEGUN + 200) is not None
    assert estimate(starts, record(), (STARTED,), BEGUN + 201) is None
    last = (STARTED, StartStage(Phase.CAPTURING, BEGUN + 80))
    assert estimate(starts, record(), last, BEGUN + 99) == 1
    assert estimate(starts, record(), last, BEGUN + 99.5) is None
    assert estimate(starts, record(), last, BEGUN + 150) is None


def test_a_clock_that_was_set_back_gives_no_time_beyond_the_whole() -> None:
    assert estimate((start(record()),), record(), (STARTED,), BEGUN - 3600) == 100


def test_the_port_and_the_name_make_no_other_start_but_the_rest_does() -> None:
    mine = digest(with_arguments("--port", "8000", "--max-model-len", "4096"))
    same = with_arguments("--port", "9000", "--served-model-name", "a", "b", "--max-model-len", "4096")
    assert digest(same) == mine
    assert digest(with_arguments("--port=9000", "--max-model-len", "4096")) == mine
    assert digest(with_arguments("--port", "8000", "--max-model-len", "8192")) != mine
    assert digest(with_arguments("--port", "8000", "--max-model-len", "4096", "--enforce-eager")) != mine
    assert digest(replace(same, version="0.33.0")) != mine


def test_a_server_that_became_ready_is_remembered_with_what_each_phase_took() -> None:
    done = replace(record(), ready=BEGUN + 60)
    stages = (STARTED, LOADED, StartStage(Phase.COMPILING, BEGUN + 45), StartStage(Phase.READY, BEGUN + 60))
    found = start_of(replace(state(done, at=BEGUN + 99), stages=stages))
    assert found.model == "org/tiny"
    assert found.arguments == digest(done)
    assert found.phases == {"starting": 10.0, "reading weights": 35.0, "compiling": 15.0}
    assert found.total == 60
    # The starting program may not have recorded the time of readiness yet.
    assert start_of(replace(state(record(), at=BEGUN + 70), stages=stages)).total == 70


def test_starts_are_read_in_order_and_what_is_spoilt_is_left_out(tmp_path: Path) -> None:
    first, second = start(record()), start(record(), model="org/large")
    half = orjson.dumps(to_json(first))[:20]
    spoilt = [
        half,
        b"[]",
        b"7",
        b"\xff",
        b'{"model": "m", "arguments": "a", "phases": {"resting": 1}}',
        b'{"model": "m"}',
    ]
    spoilt += [
        b"",
        b'{"model": "m", "arguments": "a", "phases": null}',
        b'{"model": "m", "arguments": "a", "phases": {"starting": "soon"}}',
    ]
    lines = [orjson.dumps(to_json(first)), *spoilt, orjson.dumps(to_json(second))]
    (tmp_path / STARTS).write_bytes(b"\n".join(lines))
    assert read_starts(tmp_path) == (first, second)


def test_nothing_is_remembered_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_starts(tmp_path) == ()
    (tmp_path / STARTS).mkdir()
    assert read_starts(tmp_path) == ()


@pytest.mark.parametrize("phases", [[1], None, 7, "starting"])
def test_phases_that_are_none_are_refused(phases: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        from_json({"model": "m", "arguments": "a", "phases": phases})
