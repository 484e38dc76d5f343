"""Is there a GPU for the pods that are to start? And for a rollout's first one? Reference: kubernetes, section 3.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.checks.gpus import ABOUT, spare_for
from actions.plan import Alternative, Check, Verdict
from actions.request import Target, Unblock
from actions.rolling import Rolling
from actions.words import count
from fleet.model.snapshot import Snapshot


def check_room(snapshot: Snapshot, spec: Mapping[str, Any], more: int) -> Check:
    """Whether ``more`` pods of this raw pod spec could be placed now."""
    if more <= 0:
        return Check(ABOUT, Verdict.PASS, "no new pod is needed")
    spare = spare_for(snapshot, spec)
    if not spare.needed:
        return Check(ABOUT, Verdict.PASS, spare.words)
    each = f"{count(spare.needed, 'GPU')} each"
    if spare.places >= more:
        return Check(ABOUT, Verdict.PASS, f"room for {count(more, 'more pod')}, {each}: {spare.words}")
    return Check(
        ABOUT,
        Verdict.WARN,
        f"room for {spare.places} of {count(more, 'more pod')}, {each}: {spare.words}; the others wait as Pending",
        f"free {count((more - spare.places) * spare.needed, 'GPU')}, or add a node",
    )


def check_surge(
    snapshot: Snapshot, spec: Mapping[str, Any], rolling: Rolling, target: Target
) -> tuple[Check, tuple[Alternative, ...]]:
    """Whether a rollout to this raw pod spec gets its first GPU, and what would help it where it does not."""
    if rolling.held:
        return Check(ABOUT, Verdict.PASS, "no pod is replaced by this, so none needs a place"), ()
    if rolling.recreate:
        text = "strategy Recreate: every replica ends before the first new one starts, nothing answers meanwhile"
        return Check(ABOUT, Verdict.WARN, text, "change the strategy to RollingUpdate"), ()
    if rolling.unavailable or not rolling.replicas:
        return Check(ABOUT, Verdict.PASS, f"{rolling.words}: the new pods take the GPUs of the old ones"), ()
    spare = spare_for(snapshot, spec)
    if not spare.needed or spare.places:
        return Check(ABOUT, Verdict.PASS, f"room for {rolling.words}: {spare.words}"), ()
    return Check(
        ABOUT,
        Verdict.WARN,
        f"the rollout would stand still: its first new pod needs {count(spare.needed, 'GPU')} ({spare.words}), and no "
        "old pod may end before it is ready; the old ones go on serving",
        "unblock it: replace pods instead of adding them",
    ), (
        Alternative(
            f"let {target.name} replace pods instead of adding them",
            Unblock(target),
            "maxSurge 0, maxUnavailable 1: one replica fewer while it rolls; do this first, then plan again",
        ),
    )
