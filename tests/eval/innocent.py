"""Harmless changes at the same time as an incident: a search for the last change finds these."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.eval import pods
from tests.eval.case import Case

_BEFORE = -60.0


def _other_rollout(case: Case) -> None:
    """Another workload gets a new revision, pod by pod, and is well."""
    top = case.workload(kinds=("Deployment",))
    for number, old in enumerate(case.pods(top)[:2]):
        at = _BEFORE + 90.0 * number
        node = case.node_of(top, old)

        def change(raw: pods.Raw, now: float, where: str = node) -> None:
            raw["metadata"]["labels"]["pod-template-hash"] = "5f8c7d6b9c"
            pods.placed(raw, now, where)

        case.delete(at, top, old, grace=5)
        name = case.new_pod(at + 1, top, change)
        case.edit_pod(at + 6, top, name, pods.starting)
        case.edit_pod(at + 80, top, name, pods.ready)

    def revised(raw: pods.Raw, _: float) -> None:
        raw["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "4"

    case.edit(_BEFORE, top, revised)


def _other_relabelled(case: Case) -> None:
    """Change an annotation of another workload."""
    top = case.workload()
    case.edit(_BEFORE, top, lambda raw, _: raw["metadata"]["labels"].update(team="search"))


def _job_done(case: Case) -> None:
    """A pod of a job is done."""
    top = case.tops()[0]
    name = case.new_pod(_BEFORE, top, _done)
    case.at(_BEFORE + 100, lambda _: case.remove("Pod", top.namespace, name))


def _done(raw: pods.Raw, now: float) -> None:
    raw["metadata"] |= {
        "name": f"nightly-eval-{int(now) % 9973}",
        "ownerReferences": [],
        "labels": {"job-name": "nightly-eval"},
    }
    raw["spec"]["containers"] = [{"name": "eval", "image": "ghcr.io/example/eval:3"}]
    raw["status"] |= {"phase": "Succeeded"}


def _autoscaler_moves(case: Case) -> None:
    """An autoscaler writes that it looked."""
    for raw in case.raws("HorizontalPodAutoscaler")[:1]:
        place = ("HorizontalPodAutoscaler", raw["metadata"]["namespace"], raw["metadata"]["name"])
        case.event(_BEFORE, place, "SuccessfulRescale", "New size: 3; reason: All metrics below target", kind="Normal")


INNOCENT: Mapping[str, Callable[[Case], None]] = {
    "other-rollout": _other_rollout,
    "other-relabelled": _other_relabelled,
    "job-done": _job_done,
    "autoscaler-moves": _autoscaler_moves,
}
