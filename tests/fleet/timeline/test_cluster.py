"""The history that each kind of object contains."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fleet.model.objects import ObjectRef
from fleet.timeline.cluster.registry import witnesses
from fleet.timeline.entry import EntryKind, Weight
from tests.conftest import RECORDINGS
from tests.fleet.timeline.history import (
    DAY,
    briefly,
    clock,
    deployment,
    history_of,
    manager,
    owned,
    replica_set,
    template,
)

CHAT = ObjectRef("Deployment", "serving", "chat")
POD = ObjectRef("Pod", "serving", "chat-1-x")


def test_a_tool_with_one_field_wrote_that_one_and_one_with_several_wrote_one_of_them() -> None:
    scaled = manager("kubectl", "10:00:00", {"replicas": {}}, "scale")
    applied = manager("helm", "11:00:00", {"strategy": {}, "replicas": {}, "paused": {}})
    entries, _ = history_of({"Deployment": [deployment(scaled, applied, replicas=5)]})
    assert briefly(entries) == [
        ("08:00:00", "Deployment created", ""),
        ("10:00:00", "spec.replicas set to 5", "kubectl"),
        ("11:00:00", "spec changed, at least one of paused, replicas, strategy", "Helm"),
    ]


@pytest.mark.parametrize(
    "written",
    [
        manager("kube-controller-manager", "10:00:00", {"replicas": {}}),
        manager("anything", "10:00:00", {"replicas": {}}, "status"),
        {"manager": "x", "time": f"{DAY}10:00:00Z", "fieldsV1": {"f:metadata": {"f:labels": {}}}},
        {"manager": "x", "time": "soon", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ],
)
def test_what_controllers_note_for_themselves_is_no_change(written: Any) -> None:
    entries, _ = history_of({"Deployment": [deployment(written)]})
    assert [entry.what for entry in entries] == ["Deployment created"]


def pod(**status: Any) -> dict[str, Any]:
    metadata = {"name": "chat-1-x", "namespace": "serving", "creationTimestamp": f"{DAY}09:00:00Z"}
    return {
        "metadata": {**metadata, "ownerReferences": owned("ReplicaSet", "chat-1")},
        "spec": {"nodeName": "gpu-1"},
        "status": {"startTime": f"{DAY}09:00:01Z", **status},
    }


def condition(type_: str, status: str, at: str, **more: str) -> dict[str, str]:
    return {"type": type_, "status": status, "lastTransitionTime": f"{DAY}{at}Z", **more}


def test_a_pod_belongs_to_its_workload_and_to_its_node() -> None:
    _, asked = history_of({"Pod": [pod()], "ReplicaSet": [replica_set("chat-1", "08:00:00", "1", template())]})
    assert {CHAT, ObjectRef("Node", "", "gpu-1")} <= asked.kin.of(POD)
    assert asked.kin.workload(POD) == CHAT


def test_a_pod_that_was_never_ready_did_not_lose_it() -> None:
    never, _ = history_of({"Pod": [pod(conditions=[condition("Ready", "False", "09:00:01")])]})
    lost, _ = history_of({"Pod": [pod(conditions=[condition("Ready", "False", "09:30:00", message="no answer")])]})
    assert briefly(never) == [("09:00:00", "pod made", "")]
    assert briefly(lost)[1:] == [("09:30:00", "no longer ready: no answer", "")]
    assert [entry.weight for entry in lost] == [Weight.PLAIN, Weight.BAD]


def test_of_a_container_that_ended_often_the_last_time_is_known_and_said_so() -> None:
    terminated = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": f"{DAY}09:40:00Z"}
    status = {"name": "vllm", "restartCount": 7, "lastState": {"terminated": terminated}, "state": {"running": {}}}
    entries, _ = history_of({"Pod": [pod(containerStatuses=[status])]})
    assert briefly(entries)[1:] == [("09:40:00", "vllm ended: OOMKilled (137), the last of 7 times", "")]
    assert entries[-1].weight is Weight.BAD
    assert "finishedAt" in entries[-1].evidence[0].value


def test_a_pod_was_asked_to_end_when_the_request_came_and_not_when_its_time_is_over() -> None:
    raw = pod()
    raw["metadata"] |= {"deletionTimestamp": f"{DAY}10:05:00Z", "deletionGracePeriodSeconds": 300}
    entries, _ = history_of({"Pod": [raw]})
    assert briefly(entries)[-1] == ("10:00:00", "asked to stop, with 300 s to do so", "")


def event(name: str, reason: str, message: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "serving"},
        "involvedObject": {"kind": "ReplicaSet", "namespace": "serving", "name": "chat-1"},
        "reason": reason,
        "message": message,
        "firstTimestamp": f"{DAY}{at}Z",
        "source": {"component": "replicaset-controller"},
        **more,
    }


def test_a_pod_that_is_gone_is_known_from_the_event_of_who_deleted_it() -> None:
    made = event("a", "SuccessfulCreate", "Created pod: chat-1-gone", "09:00:00")
    deleted = event("b", "SuccessfulDelete", "Deleted pod: chat-1-gone", "09:30:00")
    set_made = event("c", "SuccessfulCreate", "create Pod coder-0 in StatefulSet coder successful", "09:00:00")
    failed = event("d", "FailedDelete", "delete Pod coder-1 in StatefulSet coder failed error: no", "09:00:00")
    sets = [replica_set("chat-1", "08:00:00", "1", template())]
    entries, asked = history_of({"Event": [made, deleted, set_made, failed], "ReplicaSet": sets})
    assert [e.what for e in entries if e.about.name == "coder-0"] == ["pod made"]
    assert [e.what for e in entries if e.what.startswith("FailedDelete")]
    gone = ObjectRef("Pod", "serving", "chat-1-gone")
    assert [(clock(e), e.what, e.who) for e in entries if e.about == gone] == [
        ("09:00:00", "pod made", "replicaset-controller"),
        ("09:30:00", "pod deleted", "replicaset-controller"),
    ]
    assert asked.kin.workload(gone) == CHAT


def test_what_a_pod_says_of_itself_is_not_said_again_by_its_event() -> None:
    entries, _ = history_of(
        {"Pod": [pod()], "Event": [event("a", "SuccessfulCreate", "Created pod: chat-1-x", "09:00:00")]}
    )
    assert briefly(entries) == [("09:00:00", "pod made", "")]


def test_an_event_is_dated_by_its_first_time_and_counted() -> None:
    more = {"count": 12, "lastTimestamp": f"{DAY}09:20:00Z", "type": "Warning"}
    entries, _ = history_of({"Event": [event("a", "BackOff", "Back-off\nrestarting", "09:00:00", **more)]})
    (entry,) = entries
    assert (clock(entry), entry.what, entry.times, entry.weight) == (
        "09:00:00",
        "BackOff: Back-off restarting",
        12,
        "bad",
    )
    assert entry.last == entry.at + 1200


def autoscaler(at: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "chat", "namespace": "serving"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "chat"}},
        "status": {"lastScaleTime": f"{DAY}{at}Z", "desiredReplicas": 4},
    }


def test_an_autoscaler_says_when_it_scaled_last_and_its_event_says_it_better() -> None:
    alone, asked = history_of({"HorizontalPodAutoscaler": [autoscaler("09:00:00")]})
    assert briefly(alone) == [("09:00:00", "scaled by its autoscaler, which wants 4 now", "autoscaler")]
    assert alone[0].about == CHAT
    rescale = event("a", "SuccessfulRescale", "New size: 4; reason: queue", "09:00:01")
    rescale["involvedObject"] = {"kind": "HorizontalPodAutoscaler", "namespace": "serving", "name": "chat"}
    both, _ = history_of({"HorizontalPodAutoscaler": [autoscaler("09:00:00")], "Event": [rescale]})
    assert [entry.what for entry in both] == ["SuccessfulRescale: New size: 4; reason: queue"]
    assert CHAT in asked.kin.of(ObjectRef("HorizontalPodAutoscaler", "serving", "chat"))


def test_a_node_tells_when_it_was_lost_and_who_cordoned_it() -> None:
    raw = {
        "metadata": {
            "name": "gpu-1",
            "creationTimestamp": f"{DAY}07:00:00Z",
            "managedFields": [manager("kubectl-cordon", "09:00:00", {"unschedulable": {}})],
        },
        "spec": {
            "unschedulable": True,
            "taints": [{"key": "x", "effect": "NoExecute", "timeAdded": f"{DAY}08:00:00Z"}],
        },
        "status": {"conditions": [condition("Ready", "Unknown", "10:00:00", message="Kubelet stopped posting")]},
    }
    entries, _ = history_of({"Node": [raw]})
    assert briefly(entries) == [
        ("07:00:00", "node joined", ""),
        ("08:00:00", "taint x:NoExecute added", ""),
        ("09:00:00", "cordoned: accepts no new pods", "kubectl"),
        ("10:00:00", "node no longer reports: Kubelet stopped posting", ""),
    ]
    # Kubelets report it within ten seconds: of one that was ended nothing else is left.
    node = {"involvedObject": {"kind": "Node", "name": "gpu-1"}}
    events = [
        event("a", "NodeNotSchedulable", "Node gpu-1 status is now: NodeNotSchedulable", "09:00:04", **node),
        event("b", "NodeSchedulable", "Node gpu-1 status is now: NodeSchedulable", "09:30:00", **node),
    ]
    assert briefly(history_of({"Event": events})[0]) == [
        ("08:59:54", "cordoned: accepts no new pods", ""),
        ("09:29:50", "uncordoned: accepts pods again", ""),
    ]
    cordons = [entry for entry in history_of({"Node": [raw], "Event": events})[0] if entry.what.startswith("cordoned")]
    assert [entry.who for entry in cordons] == ["kubectl"], "who did it is said once, by the node"


def test_helm_says_which_release_it_applied_also_where_a_rollout_followed() -> None:
    raw = deployment(manager("helm", "09:00:00", {"template": {}, "replicas": {}}), replicas=2)
    raw["metadata"]["labels"] = {"helm.sh/chart": "vllm-stack-0.1.5"}
    raw["metadata"]["annotations"] = {"meta.helm.sh/release-name": "chat"}
    sets = [
        replica_set("chat-1", "08:00:00", "1", template("vllm:1")),
        replica_set("chat-2", "09:00:01", "2", template("vllm:2")),
    ]
    entries, _ = history_of({"Deployment": [raw], "ReplicaSet": sets})
    (release,) = [entry for entry in entries if entry.what.startswith("Helm release")]
    assert (release.what, release.who) == ("Helm release chat applied, chart vllm-stack-0.1.5", "Helm")
    assert [one.value for one in release.evidence][1] == "chat, vllm-stack-0.1.5"
    assert any(entry.what.startswith("revision 2") and entry.who == "Helm" for entry in entries)


def test_what_is_no_release_of_helm_is_told_as_before() -> None:
    raw = deployment(manager("helm", "09:00:00", {"replicas": {}}), replicas=2)
    entries, _ = history_of({"Deployment": [raw]})
    assert ("09:00:00", "spec.replicas set to 2", "Helm") in briefly(entries)


def test_argo_cd_says_who_began_each_sync_and_what_belongs_to_it() -> None:
    raw = {
        "metadata": {"name": "chat", "namespace": "argocd"},
        "status": {
            "resources": [{"kind": "Deployment", "namespace": "serving", "name": "chat", "group": "apps"}],
            "history": [
                {
                    "id": 3,
                    "revision": "0123456789abcdef",
                    "deployedAt": f"{DAY}09:00:00Z",
                    "source": {
                        "repoURL": "https://bot:ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3x@git/fleet",
                        "path": "prod",
                    },
                    "initiatedBy": {"username": "mia"},
                },
                {"id": 4, "revision": "fedc", "deployedAt": f"{DAY}10:00:00Z", "initiatedBy": {"automated": True}},
            ],
            "operationState": {"phase": "Failed", "finishedAt": f"{DAY}11:00:00Z", "message": "one or more\nobjects"},
        },
    }
    entries, asked = history_of({"Application": [raw]})
    assert briefly(entries) == [
        ("09:00:00", "synced to 0123456789 of https://[redacted]@git/fleet prod", "mia"),
        ("10:00:00", "synced to fedc", "Argo CD"),
        ("11:00:00", "sync failed: one or more objects", "Argo CD"),
    ]
    assert ObjectRef("Application", "argocd", "chat") in asked.kin.of(CHAT)


def test_flux_says_which_chart_it_released_and_since_when_it_fails() -> None:
    release = {
        "metadata": {"name": "chat", "namespace": "serving"},
        "status": {
            "history": [
                {
                    "version": 2,
                    "chartName": "vllm",
                    "chartVersion": "1.4.0",
                    "status": "failed",
                    "lastDeployed": f"{DAY}09:00:00Z",
                }
            ],
            "conditions": [condition("Ready", "False", "09:05:00", message="timed out", reason="UpgradeFailed")],
        },
    }
    kustomization = {
        "metadata": {"name": "fleet", "namespace": "flux-system"},
        "status": {"inventory": {"entries": [{"id": "serving_chat_apps_Deployment", "v": "v1"}]}},
    }
    entries, asked = history_of({"HelmRelease": [release], "Kustomization": [kustomization]})
    assert briefly(entries) == [
        ("09:00:00", "release 2: vllm 1.4.0, failed", "Flux (Helm)"),
        ("09:05:00", "does not apply: timed out", ""),
    ]
    assert ObjectRef("Kustomization", "flux-system", "fleet") in asked.kin.of(CHAT)


def test_a_scaled_object_says_who_paused_it_and_when_a_trigger_was_active_last() -> None:
    pause = "autoscaling.keda.sh/paused-replicas"
    by_hand = manager("kubectl-annotate", "09:30:00", {}) | {
        "fieldsV1": {"f:metadata": {"f:annotations": {f"f:{pause}": {}}}}
    }
    scaled: dict[str, Any] = {
        "metadata": {
            "name": "chat",
            "namespace": "serving",
            "creationTimestamp": f"{DAY}08:00:00Z",
            "annotations": {pause: "2"},
            "managedFields": [by_hand, manager("argocd-controller", "09:00:00", {"maxReplicaCount": {}})],
        },
        "spec": {"scaleTargetRef": {"name": "chat"}, "maxReplicaCount": 8, "pollingInterval": 15},
        "status": {
            "lastActiveTime": f"{DAY}10:00:00Z",
            # As KEDA writes them: without a time.
            "conditions": [{"type": "Ready", "status": "False"}, {"type": "Active", "status": "False"}],
        },
    }
    entries, asked = history_of({"ScaledObject": [scaled]})
    assert briefly(entries) == [
        ("08:00:00", "ScaledObject created", ""),
        ("09:00:00", "spec.maxReplicaCount set to 8", "Argo CD"),
        ("09:30:00", "autoscaling paused, replicas stay at 2", "kubectl"),
        ("10:00:00", "none of its triggers has been active since", ""),
    ]
    assert max(entries, key=lambda entry: entry.at).within == 16.0, "it is looked for every 15 seconds"
    assert CHAT in asked.kin.of(ObjectRef("ScaledObject", "serving", "chat"))
    resumed = {**scaled, "metadata": {**scaled["metadata"], "annotations": {}}}
    assert not [entry for entry in history_of({"ScaledObject": [resumed]})[0] if "paused" in entry.what]


def test_every_kind_takes_whatever_stands_in_an_object() -> None:
    odd: list[Any] = [
        {},
        {"metadata": {"name": 3, "managedFields": "x", "creationTimestamp": 5}, "spec": [], "status": "?"},
        {"metadata": {"name": "a", "managedFields": [{"fieldsV1": 7, "time": f"{DAY}09:00:00Z"}]}},
        {"status": {"conditions": [{"type": "Ready", "status": "True"}], "containerStatuses": [{"lastState": 3}]}},
    ]
    history_of({row.kind: odd for row in witnesses()})


@pytest.mark.parametrize("name", ["replicasets_two_revisions", "replicasets_after_rollback"])
def test_the_recorded_replica_sets(name: str) -> None:
    items = json.loads((RECORDINGS / "kube-1.36" / f"{name}.json").read_text())["response"]["body"]["items"]
    entries, _ = history_of({"ReplicaSet": items})
    assert [entry.kind for entry in entries] == [EntryKind.CHANGE] * len(items)
    first, second = sorted(entries, key=lambda entry: entry.at)[:2]
    assert first.what == "revision 1: the first"
    assert second.what.startswith("revision 2: image registry.example.com/vllm:v1 → registry.example.com/vllm:v2")
    assert any("change-cause" in one.where and one.value for one in second.evidence)


def test_the_recorded_pod_that_was_killed_for_its_memory() -> None:
    raw = json.loads((RECORDINGS / "kube-1.36" / "pod_crashloop_oomkilled.json").read_text())["response"]["body"]
    entries, _ = history_of({"Pod": [raw]})
    assert "vllm ended: OOMKilled (137), the last of 7 times" in [entry.what for entry in entries]


def test_the_recorded_events() -> None:
    items = json.loads((RECORDINGS / "kube-1.36" / "events_core_list.json").read_text())["response"]["body"]["items"]
    entries, _ = history_of({"Event": items})
    assert entries
    assert all(entry.evidence and entry.evidence[0].value and entry.about.name for entry in entries)


def test_the_recorded_deployment_that_gitops_owns() -> None:
    recorded = json.loads((RECORDINGS / "kube-1.36" / "deployment_managedfields_gitops.json").read_text())
    # Of this exchange the metadata alone was recorded: what the field was set to is not known.
    entries, _ = history_of({"Deployment": [recorded["response"]["body"]]})
    assert ("00:42:54", "spec.replicas changed", "Flux") in briefly(entries)
