"""Words that look like Kubernetes' own and belong to somebody: in places where most do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleet.model.ending import Ending, Endings
from fleet.model.facts import Dated, Facts
from fleet.model.measurement import SourceNames
from fleet.model.objects import Condition, Container
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.pseudonyms import Pseudonyms
from fleet.recorder.reader import Recording
from fleet.recorder.scrub import Scrubber, scrub
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, Plain, measured
from tests.fleet.rows import kube, pod

STAYS: dict[str, tuple[str, ...]] = {
    "reason": (
        "OOMKilled", "CrashLoopBackOff", "Init:ErrImageNeverPull", "Init:0/1", "ExitCode:137", "NewReplicaSetAvailable",
        "ProgressDeadlineExceeded", "FailedScheduling", "TaintManagerEviction", "NodeNotReady", "ScaledObjectUnpaused",
        "PodReadyToStartContainers", "RollingUpdate", "ClusterIP", "StatefulSet", "LeaderWorkerSet", "InferenceService",
    ),
    "component": ("kubelet", "replicaset-controller", "keda-operator"),
    "manager": ("kubectl-set", "helm", "argocd-controller", "kustomize-controller", "quarterdeck"),
    "gpu": (
        "NVIDIA-H100-80GB-HBM3", "NVIDIA H200 NVL", "Tesla-T4", "AMD Instinct MI300X OAM",
        "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb",
    ),
    "profile": ("1g.10gb", "3g.40gb"),
    "version": ("v1.36.0", "v1.31.4-gke.1256000", "v1.30.2-eks-1552ad0", "v1.29.1+k3s2", "v1.37.0-rc.1"),
    "label": (
        "nvidia.com/gpu.product", "nvidia.com/mig-3g.40gb", "kubernetes.io/hostname", "topology.kubernetes.io/zone",
        "leaderworkerset.sigs.k8s.io/worker-index", "app.kubernetes.io/managed-by", "kubectl.kubernetes.io/restartedAt",
    ),
}  # fmt: skip
GOES: dict[str, tuple[str, ...]] = {
    "reason": ("ZebraQuotaHit", "target-health.zebra.aws/my-zebra-tg", "ZebraModelDeployment", "Init:ZebraFailed"),
    "component": ("zebra-operator", "kubelet-zebra"),
    "manager": ("zebra", "kubectl-zebra", "flux-zebra"),
    "gpu": ("NVIDIA-zebra", "zebra", "H100 of zebra"),
    "profile": ("zebra", "1g.10gb-zebra"),
    "version": ("v1.31.4-zebra.7", "v1.31.4+zebra", "zebra"),
    "label": ("nvidia.com/zebra.product", "zebra.io/gpu", "node-restriction.kubernetes.io/zebra", "k8s.io/zebraTeam"),
}


def _pseudonym(way: str, text: str) -> str:
    names: Any = Pseudonyms()
    found = getattr(names, way)(text, "x") if way == "reason" else getattr(names, way)(text)
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize("way", STAYS)
def test_what_is_nobodys_stays(way: str) -> None:
    assert [text for text in STAYS[way] if _pseudonym(way, text) != text] == []


@pytest.mark.parametrize("way", GOES)
def test_what_is_somebodys_goes(way: str) -> None:
    assert [text for text in GOES[way] if "zebra" in _pseudonym(way, text).lower()] == []


def test_names_of_stores_and_of_containers_go_and_join_as_before() -> None:
    row = pod(
        "chat-a", containers=(Container("zebra", "vllm:1"),), conditions=(Condition("zebra.io/x", "True", "Zebra"),)
    )
    facts = Facts({"crash-logs": Dated(BEGAN, Endings((Ending(row.uid, "zebra", 1, "oom", "zebra died"),)))})
    numbers = measured(1)
    sources = SourceNames(engines=tuple("prometheus/zebra" for _ in numbers.engines))
    moment = Scrubber().moment(Moment(kube([row]), (), replace(numbers, sources=sources), facts))
    assert "zebra" not in repr(moment).lower()
    (found,) = moment.state.pods.values()
    (ending,) = moment.facts.by_source["crash-logs"].value.rows
    assert (ending.container, ending.pod_uid) == (found.containers[0].name, found.uid)
    assert ending.reason == "oom"


def test_half_of_a_scrubbed_recording_is_taken_away_again(tmp_path: Path) -> None:
    file = tmp_path / "x.qdr"
    writer = RecordingWriter(file, Plain())
    writer.note(Moment(kube([pod("a")]), (), None), BEGAN)
    writer.close()

    def fails(done: int, of: int) -> None:
        raise RecordingError("the disk is full")

    with pytest.raises(RecordingError, match="full"):
        scrub(file, tmp_path / "out.qdr", fails)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.qdr"]
    assert scrub(file, tmp_path / "out.qdr") > 0
    with Recording(tmp_path / "out.qdr") as recording:
        assert recording.about["scrubbed"] == "1"
