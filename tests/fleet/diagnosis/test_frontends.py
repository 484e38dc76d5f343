"""First tokens that are late before the engine's queue: in the API server, which no phase of an engine shows."""

from __future__ import annotations

import math

import pytest

from fleet.diagnosis.causes.frontends import SATURATED
from fleet.diagnosis.frontends import FrontendSubject
from fleet.model.profile import CHAT

LATE = FrontendSubject(ttft=2.4, queue=0.01, prefill=0.2, waiting=0.0, fetching=0.0, finished=4.0, profile=CHAT)


def test_time_that_neither_queue_nor_prefill_has_is_the_api_servers() -> None:
    assert SATURATED.holds(LATE)
    (seen, *_) = SATURATED.must
    assert [one.text for one in seen.seen(LATE)] == [
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
