"""The steps that need a second confirmation."""

from __future__ import annotations

import pytest

from actions.kinds.bounds import Bounds
from actions.kinds.cordon import Cordon
from actions.kinds.hold import Hold
from actions.kinds.scale import Scale
from actions.planning.large_step import large_step
from actions.planning.plan import Change
from actions.request import Request, Target
from tests.console.screens.scripted import make_plan

TARGET = Target("Deployment", "serving", "chat")


@pytest.mark.parametrize(
    ("request_", "changes", "found"),
    [
        (Scale(TARGET, 65), [("replicas", "6", "65")], "65"),
        (Scale(TARGET, 0), [("replicas", "6", "0")], "0"),
        (Scale(TARGET, 15), [("replicas", "6", "15")], None),
        (Hold(TARGET, 0), [("held at", "nothing", "0"), ("replicas", "4", "0")], "0"),
        (Hold(TARGET), [("held at", "0", "nothing")], None),
        (Bounds(TARGET, 1, 60), [("minimum", "1", "1"), ("maximum", "6", "60")], "60"),
        (Bounds(TARGET, 20, 60), [("minimum", "2", "20"), ("maximum", "60", "60")], "20"),
        (Bounds(TARGET, 0, 6), [("minimum", "2", "0"), ("maximum", "6", "6")], None),
        (Bounds(TARGET, 0, 0), [("minimum", "0", "0"), ("maximum", "6", "0")], "0"),
        (Cordon(TARGET), [("replicas", "1", "50")], None),
    ],
)
def test_a_step_is_large_where_a_slip_would_hurt(
    request_: Request, changes: list[tuple[str, str, str]], found: str | None
) -> None:
    plan = make_plan(request_, changes=tuple(Change(*change) for change in changes))
    large = large_step(plan)
    assert (large.after if large is not None else None) == found
