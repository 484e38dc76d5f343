"""Rollouts and rollbacks from ReplicaSets and ControllerRevisions: the changes of each, and the tool that wrote it."""

from __future__ import annotations

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


def test_each_rollout_says_what_it_changed_and_which_tool_wrote_it() -> None:
    sets = [
        replica_set("chat-2", "09:00:02", "2", template("vllm:2", "--tp", "2")),
        replica_set("chat-1", "08:00:00", "1", template("vllm:1")),
    ]
    wrote = manager("argocd-controller", "09:00:01", {"template": {}, "replicas": {}})
    entries, _ = history_of({"ReplicaSet": sets, "Deployment": [deployment(wrote)]})
    assert briefly([entry for entry in entries if "revision" in entry.what]) == [
        ("08:00:00", "revision 1: the first", ""),
        ("09:00:02", "revision 2: image vllm:1 → vllm:2 and 1 more", "Argo CD"),
    ]
    # The write is the rollout's, and is told once.
    assert not [entry for entry in entries if entry.what.startswith("spec")]


def test_a_revision_that_was_rolled_back_to_is_dated_by_when_it_was_made() -> None:
    history = {"deployment.kubernetes.io/revision-history": "1"}
    sets = [
        replica_set("chat-1", "08:00:00", "3", template("vllm:1"), **history),
        replica_set("chat-2", "09:00:00", "2", template("vllm:2")),
    ]
    entries, _ = history_of({"ReplicaSet": sets})
    assert briefly(entries) == [
        ("08:00:00", "revision 1: the first", ""),
        ("09:00:00", "revision 2: image vllm:1 → vllm:2", ""),
    ]


def test_a_rollback_says_what_went_back_when_and_by_whom() -> None:
    history = {"deployment.kubernetes.io/revision-history": "1"}
    sets = [
        replica_set("chat-1", "08:00:00", "3", template("vllm:1"), **history),
        replica_set("chat-2", "09:00:00", "2", template("vllm:2")),
    ]
    by_hand = deployment(manager("kubectl", "10:00:00", {"template": {}}))
    entries, _ = history_of({"ReplicaSet": sets, "Deployment": [by_hand]})
    assert briefly(entries)[-1] == ("10:00:00", "revision 1 again, now revision 3: image vllm:2 → vllm:1", "kubectl")
    assert not [entry for entry in entries if entry.what.startswith("spec")]
    # Of a tool that has other fields, too, the time is not known to the second; and its write may have been of those.
    both = deployment(manager("helm", "10:00:00", {"template": {}, "replicas": {}}), replicas=2)
    entries, _ = history_of({"ReplicaSet": sets, "Deployment": [both]})
    (back,) = [entry for entry in entries if "again" in entry.what]
    assert (clock(back), back.within) == ("09:00:00", 3601.0)
    assert ("10:00:00", "spec changed, at least one of replicas, template", "Helm") in briefly(entries)
    # Of a StatefulSet the order alone tells it: the number before is not kept.
    owner = owned("StatefulSet", "chat")
    kept = [
        {
            "metadata": {
                "name": name,
                "namespace": "serving",
                "creationTimestamp": f"{DAY}{at}Z",
                "ownerReferences": owner,
            },
            "revision": number,
            "data": {"spec": {"template": template(image)}},
        }
        for name, at, number, image in (("chat-a", "08:00:00", 3, "vllm:1"), ("chat-b", "09:00:00", 2, "vllm:2"))
    ]
    entries, _ = history_of({"ControllerRevision": kept, "StatefulSet": [by_hand]})
    assert briefly(entries)[-1] == ("10:00:00", "chat-a again, now revision 3: image vllm:2 → vllm:1", "kubectl")


def test_a_write_of_a_template_that_made_no_revision_is_told_of() -> None:
    wrote = manager("kubectl-rollout", "10:00:00", {"template": {}})
    entries, _ = history_of({"ReplicaSet": [], "Deployment": [deployment(wrote)]})
    assert ("10:00:00", "spec.template changed", "kubectl rollout") in briefly(entries)


def test_a_change_cause_is_somebodys_command_line_and_may_have_a_secret_in_it() -> None:
    cause = {
        "kubernetes.io/change-cause": "kubectl set env deploy/chat HF_TOKEN=hf_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1 --record"
    }
    entries, _ = history_of({"ReplicaSet": [replica_set("chat-1", "08:00:00", "1", template(), **cause)]})
    (shown,) = [one.value for one in entries[0].evidence if "change-cause" in one.where]
    assert "kubectl set env deploy/chat" in shown
    assert "hf_" not in shown


def test_what_was_before_the_oldest_revision_that_is_kept_is_not_made_up() -> None:
    entries, _ = history_of({"ReplicaSet": [replica_set("chat-7", "08:00:00", "7", template())]})
    assert [entry.what for entry in entries] == ["revision 7: the previous state is not kept"]
