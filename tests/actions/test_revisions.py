"""Earlier revisions of a workload, as a real server keeps them and as a user names them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from actions.request import Target
from actions.revisions import Revision, bare, find_revision, revisions, same_template
from fleet.model.objects import ModelVersion
from fleet.sources.kube.errors import KubeError, NotFoundError
from tests.actions.rolled import CHAT, CODER, chat, coder, pod, replica_set, template
from tests.actions.stage import FakeCluster
from tests.conftest import RECORDINGS


def recorded(name: str) -> Any:
    return json.loads((RECORDINGS / "kube-1.36" / f"{name}.json").read_text())["response"]["body"]


def items(name: str, kind: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "apiVersion": "apps/v1", "spec": {}, **raw} for raw in recorded(name)["items"]]


async def test_each_revision_says_what_it_ran_who_wrote_it_and_what_runs_it_now() -> None:
    newest, before = await revisions(CHAT, chat())
    assert (newest.name, newest.number, newest.hash, newest.current, newest.pods) == ("chat-h2", 2, "h2", True, 2)
    assert (newest.version.model, newest.version.revision, newest.version.image) == ("acme/chat", "r2", "vllm:v2")
    assert newest.version.digest == "sha256:2", "of a pod that runs it: the only proof"
    assert newest.arguments == ("--model", "acme/chat", "--revision", "r2")
    assert (newest.cause, newest.who) == ("model r2", "kubectl-edit")
    assert (before.name, before.current, before.pods, before.version.digest) == ("chat-h1", False, 0, "")
    assert before.who == "unknown", "helm wrote the replicas at that time, not the template"
    assert before.template == template(1), "without the hash that the controller adds"
    assert "hf_secret" not in repr(newest)


async def test_those_of_another_workload_with_the_same_labels_are_left_out() -> None:
    cluster = chat()
    other = replica_set(1)
    other["metadata"] |= {"name": "other", "ownerReferences": [{"uid": "uid-other", "controller": True}]}
    cluster.add(other)
    assert [r.name for r in await revisions(CHAT, cluster)] == ["chat-h2", "chat-h1"]


async def test_a_stateful_set_keeps_controller_revisions() -> None:
    newest, before = await revisions(CODER, coder())
    assert (newest.name, newest.number, newest.hash, newest.current, newest.pods) == ("coder-h2", 2, "h2", True, 2)
    assert newest.version.digest == "sha256:2"
    assert before.template == template(1, "coder"), "without the directive of the patch that it is"


async def test_a_kind_that_keeps_none_says_so() -> None:
    with pytest.raises(KubeError, match="a LeaderWorkerSet keeps no revisions"):
        await revisions(Target("LeaderWorkerSet", "serving", "night"), FakeCluster())


async def test_a_revision_is_named_by_its_object_its_hash_or_its_number() -> None:
    found = await revisions(CHAT, chat())
    assert {find_revision(found, wanted).name for wanted in ("", "chat-h1", "h1", "1")} == {"chat-h1"}
    with pytest.raises(NotFoundError, match="no revision 7") as raised:
        find_revision(found, "7")
    assert raised.value.remedy == "Revisions: 2 (chat-h2), 1 (chat-h1)."
    with pytest.raises(NotFoundError, match="no revision before this one"):
        find_revision(found[:1], "")


async def test_after_a_rollback_the_old_number_leads_nowhere_and_it_is_said_where_it_went() -> None:
    cluster = chat(template=template(1))
    cluster.add(replica_set(1, number=3, earlier="1"))
    newest, before = await revisions(CHAT, cluster)
    assert (newest.name, newest.number, newest.earlier, newest.current) == ("chat-h1", 3, (1,), True)
    assert before.name == find_revision((newest, before), "").name == "chat-h2"
    with pytest.raises(NotFoundError, match="revision 1 has been number 3 since a rollback"):
        find_revision((newest, before), "1")


async def test_pods_of_two_revisions_are_counted_for_each() -> None:
    cluster = chat()
    cluster.add(pod("chat-old", version=1))
    assert [(r.number, r.pods) for r in await revisions(CHAT, cluster)] == [(2, 2), (1, 1)]


def test_weights_are_pinned_by_a_revision_or_by_an_image_that_has_them() -> None:
    revision = Revision("a", 1, "", 0.0, "", "", True, 1, _version(image="vllm:v1"), ())
    assert not revision.pinned
    assert replace(revision, version=_version(revision="r1")).pinned
    assert replace(revision, version=_version(image="r/vllm@sha256:12")).pinned


@pytest.mark.contract
async def test_a_real_deployment_before_and_after_a_rollback() -> None:
    deployment = recorded("deployment_get")
    target = Target("Deployment", "ref-rec", "chat")
    cluster = FakeCluster()
    cluster.add(deployment, *items("replicasets_two_revisions", "ReplicaSet"))
    uid = deployment["metadata"]["uid"]
    found = [raw for raw in items("replicasets_two_revisions", "ReplicaSet") if _owned(raw, uid)]
    made = await revisions(target, cluster)
    assert len(made) == len(found) == 2
    assert [r.number for r in made] == [2, 1]
    assert [r.version.revision for r in made] == ["d4e5f6", "a1b2c3"]
    assert [r.cause for r in made] == ["model rev d4e5f6", "model rev a1b2c3"]
    cluster.add(recorded("deployment_after_rollback"), *items("replicasets_after_rollback", "ReplicaSet"))
    after = await revisions(target, cluster)
    assert [(r.number, r.version.revision, r.current, r.earlier) for r in after] == [
        (3, "a1b2c3", True, (1,)),
        (2, "d4e5f6", False, ()),
    ]


@pytest.mark.contract
async def test_a_real_stateful_set() -> None:
    cluster = FakeCluster()
    cluster.add(recorded("statefulset_get"), *items("controllerrevisions_list", "ControllerRevision"))
    made = await revisions(Target("StatefulSet", "ref-rec", "sts"), cluster)
    assert [(r.number, r.version.image, r.current) for r in made] == [(2, "r/vllm:v2", True), (1, "r/vllm:v1", False)]


def test_templates_are_the_same_but_for_what_the_controller_adds() -> None:
    made = replica_set(1)["spec"]["template"]
    assert same_template(made, template(1))
    assert not same_template(made, template(2))
    assert same_template({"metadata": {"creationTimestamp": None}, "spec": {}}, {"spec": {}})
    assert bare(made) == template(1)


def _version(**values: str) -> ModelVersion:
    return ModelVersion(**values)


def _owned(raw: dict[str, Any], uid: str) -> bool:
    return any(owner["uid"] == uid for owner in raw["metadata"]["ownerReferences"])
