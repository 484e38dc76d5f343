"""Check for a GPU for the pods that will start, and for the first pod of a rollout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from actions.checks.spare_gpus import ABOUT, SpareGpus, spare_gpus
from actions.kinds.unblock import Unblock
from actions.number_words import count
from actions.planning.plan import Alternative, Check, Verdict
from actions.planning.surge import Rolling
from actions.request import Target
from fleet.model.counting import every
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.project.gpu import pod_devices


def check_room(snapshot: Snapshot, spec: Mapping[str, Any], more: int) -> Check:
    """Check that ``more`` pods of this raw pod spec could be scheduled now."""
    if more <= 0:
        return Check(ABOUT, Verdict.PASS, "no new pod is needed")
    spare = spare_gpus(snapshot, spec)
    if spare.unknown:
        return _not_known(f"whether there is room for {count(more, 'more pod')} is not known", spare)
    if not spare.needed:
        return Check(ABOUT, Verdict.PASS, spare.words)
    each = f"{spare.amount()} each"
    if spare.places >= more:
        return Check(ABOUT, Verdict.PASS, f"room for {count(more, 'more pod')}, {each}: {spare.words}")
    return Check(
        ABOUT,
        Verdict.WARN,
        f"room for {spare.places} of {count(more, 'more pod')}, {each}: {spare.words}; the others wait as Pending",
        f"free {spare.amount(more - spare.places)}, or add a node",
    )


class MorePods(NamedTuple):
    """More pods of one workload."""

    name: str
    spec: Mapping[str, Any]
    """Raw pod spec."""
    pods: int


def check_room_for_all(snapshot: Snapshot, wanted: Sequence[MorePods]) -> Check | None:
    """Check that all can be placed, each after the ones before it; None if none requests a device."""
    taken: Counter[tuple[str, str]] = Counter()
    asked, short = 0, list[str]()
    for one in wanted:
        spare = spare_gpus(snapshot, one.spec, taken=taken)
        if spare.unknown:
            return _not_known(f"whether there is room for all of {one.name} is not known", spare)
        if not spare.needed or one.pods <= 0:
            continue
        asked, left = asked + one.pods, one.pods
        for node, slots in spare.slots.items():
            here = min(left, slots)
            left -= here
            taken.update({(node, name): here * number for name, number in pod_devices(dict(one.spec)).items()})
        if left:
            short.append(f"{left} of {one.name}")
    if not asked:
        return None
    if not short:
        return Check(ABOUT, Verdict.PASS, f"room for {every(asked, 'more pod')} of them together")
    text = f"together {count(asked, 'more pod')}, and no room for {' and '.join(short)}: they wait as Pending"
    return Check(ABOUT, Verdict.WARN, text, "leave some out, or add a node")


def _not_known(text: str, spare: SpareGpus) -> Check:
    return Check(ABOUT, Verdict.WARN, f"{text}: {spare.unknown}", "check the free devices yourself before you confirm")


def check_surge(
    snapshot: Snapshot, spec: Mapping[str, Any], rolling: Rolling, target: Target
) -> tuple[Check, tuple[Alternative, ...]]:
    """Check that a rollout to this raw pod spec gets its first GPU, and return alternatives if it does not."""
    if rolling.held:
        return Check(ABOUT, Verdict.PASS, "this replaces no pod, so none needs a place"), ()
    if rolling.recreate:
        text = "strategy Recreate: every replica ends before the first new one starts, and nothing answers in between"
        return Check(ABOUT, Verdict.WARN, text, "change the strategy to RollingUpdate"), ()
    spare = spare_gpus(snapshot, spec)
    if not rolling.replicas:
        return Check(ABOUT, Verdict.PASS, "it has no replicas: no new pod is needed"), ()
    if rolling.unavailable:
        taken = (
            f"the new pods reuse the {spare.kind} of the old ones" if spare.needed else "no new pod waits for a device"
        )
        return Check(ABOUT, Verdict.PASS, f"{rolling.words}: {taken}"), ()
    if spare.unknown:
        return _not_known("whether the rollout's first new pod finds a place is not known", spare), ()
    if not spare.needed or spare.places:
        return Check(ABOUT, Verdict.PASS, f"room for {rolling.words}: {spare.words}"), ()
    return Check(
        ABOUT,
        Verdict.WARN,
        f"the rollout would stand still: its first new pod needs {spare.amount()} ({spare.words}), and no "
        "old pod may end before it is ready; the old ones continue to serve",
        "unblock it: replace pods instead of adding them",
    ), (
        Alternative(
            f"let {target.name} replace pods instead of adding them",
            Unblock(target),
            "maxSurge 0, maxUnavailable 1: one replica fewer while it rolls; do this first, then plan again",
        ),
    )
