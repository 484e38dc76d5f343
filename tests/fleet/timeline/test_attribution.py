"""The author of a rollout whose write the server has forgotten: other evidence, or the reason for having none."""

from __future__ import annotations

from typing import Any

import pytest

from fleet.model.objects import ObjectRef
from fleet.timeline.attribution import attributed
from fleet.timeline.entry import Entry, EntryKind, Evidence, rollout_topic
from tests.fleet.timeline.history import DAY, deployment, history_of, manager, replica_set, template

CHAT = ObjectRef("Deployment", "serving", "chat")
CAUSE = "kubernetes.io/change-cause"


def rollout(objects: dict[str, Any], **of_chat: Any) -> Entry:
    """The rollout of 09:00; kubectl wrote the template again at 10:00, and made a third."""
    sets = [
        replica_set("chat-1", "08:00:00", "1", template("vllm:1"), **of_chat.get("first", {})),
        replica_set("chat-2", "09:00:02", "2", template("vllm:2"), **of_chat.get("second", {})),
        replica_set("chat-3", "10:00:01", "3", template("vllm:3")),
    ]
    later = deployment(manager("kubectl-set", "10:00:00", {"template": {}}))
    later["metadata"] |= of_chat.get("metadata", {})
    entries, _ = history_of({"ReplicaSet": sets, "Deployment": [later], **objects})
    (found,) = [entry for entry in entries if entry.what.startswith("revision 2")]
    return found


def application(begun: str, ended: str, initiator: dict[str, Any]) -> dict[str, Any]:
    sync = {"id": 7, "revision": "abcdef0123456", "deployedAt": f"{DAY}{ended}Z", "initiatedBy": initiator}
    return {
        "metadata": {"name": "llm", "namespace": "argocd"},
        "status": {
            "history": [sync | ({"deployStartedAt": f"{DAY}{begun}Z"} if begun else {})],
            "resources": [{"kind": "Deployment", "namespace": "serving", "name": "chat"}],
        },
    }


def test_what_the_server_has_forgotten_is_unknown_with_the_reason() -> None:
    found = rollout({})
    assert found.who == ""
    assert found.unknown == "kubectl wrote the template later, and the server keeps only the last write of each"


@pytest.mark.parametrize(
    ("begun", "ended", "initiator", "who"),
    [
        ("08:59:50", "09:02:00", {"automated": True}, "Argo CD"),
        ("", "09:00:00", {"username": "ada"}, "ada"),
        ("08:40:00", "08:50:00", {"automated": True}, ""),
        ("09:10:00", "09:20:00", {"automated": True}, ""),
    ],
)
def test_argo_cd_says_what_it_applied_then(begun: str, ended: str, initiator: dict[str, Any], who: str) -> None:
    found = rollout({"Application": [application(begun, ended, initiator)]})
    assert found.who == who
    assert bool(found.unknown) is not bool(who)
    assert any("status.history[7]" in one.where for one in found.evidence) is bool(who)


def test_flux_says_what_it_released_then() -> None:
    release = {
        "metadata": {"name": "llm", "namespace": "flux"},
        "status": {"history": [{"version": 4, "lastDeployed": f"{DAY}09:00:01Z", "chartName": "llm"}]},
    }
    labels = {"helm.toolkit.fluxcd.io/name": "llm", "helm.toolkit.fluxcd.io/namespace": "flux"}
    found = rollout({"HelmRelease": [release]}, metadata={"labels": labels})
    assert found.who == "Flux (Helm)"
    assert rollout({"HelmRelease": [release]}).who == "", "of another workload it says nothing"


def test_a_change_cause_that_is_new_is_of_its_own_rollout_and_one_that_stayed_is_not() -> None:
    texts = {CAUSE: "kubectl set image deploy/chat vllm=vllm:2 --record=true"}
    assert rollout({}, second=texts).who == "kubectl"
    assert rollout({}, first=texts, second=texts).who == ""
    assert rollout({}, second={CAUSE: "by hand, ask Ada"}).who == ""


def _entry(at: float, about: ObjectRef, within: float = 1.0, **more: Any) -> Entry:
    return Entry(at, within, EntryKind.CHANGE, "x", about, (Evidence("audit log", f"{at}"),), **more)


def test_our_own_record_names_the_person_of_what_it_wrote() -> None:
    topic = rollout_topic(ObjectRef("ReplicaSet", "serving", "chat-2"))
    ours = _entry(100.0, CHAT, 0.001, who="ada@corp", templates=(100.2,), last=200.0)
    others = [
        _entry(101.0, CHAT, topic=topic, unknown="nobody says"),
        _entry(101.0, CHAT, topic=topic, who="quarterdeck"),
        _entry(101.0, CHAT, topic=topic, who="Argo CD"),
        _entry(150.0, CHAT, topic=topic),
        _entry(101.0, CHAT._replace(name="other"), topic=topic),
        _entry(80.0, CHAT, 40.0, topic=topic),
    ]
    found = attributed([ours, *others])[1:]
    assert [one.who for one in found] == ["ada@corp", "ada@corp", "Argo CD", "", "", "ada@corp"]
    assert [bool(one.unknown) for one in found] == [False, False, False, True, True, False]
    assert found[0].evidence == (*others[0].evidence, *ours.evidence)


def test_an_action_that_wrote_no_template_made_no_rollout() -> None:
    scaled = _entry(100.0, CHAT, who="ada@corp")
    made = _entry(101.0, CHAT, topic=rollout_topic(ObjectRef("ReplicaSet", "serving", "chat-2")))
    assert attributed([scaled, made])[1].who == ""
