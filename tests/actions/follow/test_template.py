"""The waits that a plan announces after a template is written."""

from __future__ import annotations

import pytest

from actions.follow.template import waiting_step
from actions.planning.surge import Rolling


@pytest.mark.parametrize(
    ("rolling", "text"),
    [
        (Rolling(2, 0, 1, by_hand=True), "wait until somebody has deleted its pods"),
        (Rolling(2, 0, 1, partition=2), "wait until its partition is lowered"),
        (Rolling(2, 0, 1, partition=1), "wait until 1 pod is replaced"),
        (Rolling(0, 0, 1), "nothing is replaced: it has no replicas"),
    ],
)
def test_a_plan_waits_for_what_replaces_the_pods(rolling: Rolling, text: str) -> None:
    assert waiting_step(rolling).title == text
