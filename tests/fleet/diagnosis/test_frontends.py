"""First tokens that are late before the engine's queue: in the API server, which no phase of an engine shows."""

from __future__ import annotations

import math
import random

import pytest

from fleet.diagnosis.causes.frontends import SATURATED
from fleet.diagnosis.families.frontend_cause import LateFrontends
from fleet.diagnosis.subjects.frontend_subject import FrontendSubject, frontend_subject
from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey
from fleet.model.profile import CHAT
from fleet.model.quantity import Family
from fleet.snapshot.builder import Builder
from tests.fleet.diagnosis.fleets import Q
from tests.fleet.recorder.fleet import fleet
from tests.fleet.rows import LIVE, NOW, engine, measurement

LATE = FrontendSubject(ttft=2.4, queue=0.01, prefill=0.2, waiting=0.0, fetching=0.0, finished=4.0, profile=CHAT)


def test_time_that_neither_queue_nor_prefill_has_is_the_api_servers() -> None:
    assert SATURATED.holds(LATE)
    (seen, *_) = SATURATED.must
    assert [one.text for one in seen.observations(LATE)] == [
        f"{seen.name}: 2.19 s of 2.40 s; 0.01 s in the queue, 0.20 s reading prompts"
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"ttft": 0.4},
        {"ttft": 2.4, "prefill": 1.5},
        {"queue": 1.9},
        {"waiting": 3.0},
        {"fetching": 2.0},
        {"finished": 0.1},
        {"prefill": math.nan},
        {"ttft": math.nan},
    ],
)
def test_a_queue_a_long_prompt_few_requests_and_numbers_that_lack_prove_nothing(changed: dict[str, float]) -> None:
    assert not SATURATED.holds(LATE._replace(**changed))  # type: ignore[arg-type]


def test_of_workloads_that_are_skipped_the_cause_does_not_hold() -> None:
    rng, builder, state = random.Random(7), Builder(), fleet(200)
    held = 0
    for step in range(4):
        rows = {
            engine(row.name, f"model-{row.owner.name}" if row.owner else ""): {
                Q.WAITING: 0.0,
                Q.REQUESTS: 2.0,
                Q.QUEUE_MEAN: rng.choice((0.01, 0.9, math.nan)),
                Q.PREFILL_MEAN: rng.choice((0.1, 1.5)),
            }
            for row in state.pods.values()
        }
        late = Histogram((0.5, 2.0, 4.0, math.inf), (0.0, 0.5, 4.0, 4.0), 9.0)
        latencies = {HistogramKey("serving", one.model, one.pod, one.engine): late for one in rows}
        measured = measurement(rows, {Family.TTFT: latencies}, at=NOW + step)
        snapshot = builder.build(state, measured, [LIVE], NOW + step)
        found = {one.key for one in LateFrontends([SATURATED]).at(snapshot)}
        seen = {key: frontend_subject(snapshot, key) for key in snapshot.workloads}
        assert found == {key for key, one in seen.items() if one is not None and SATURATED.holds(one)}
        held += len(found)
    assert held
