"""StatefulSets: revisions that are numbered anew, partitions, and order."""

from __future__ import annotations

from typing import Any

from tests.simulator.fleet_support import Watched, is_ready, names, only, patch, revisions, with_revision


def coder(fleet: Watched) -> dict[str, Any]:
    return fleet.apps("StatefulSet", "serving", "coder-32b")


def history(fleet: Watched) -> dict[str, int]:
    """Numbers of the ControllerRevisions by model revision."""
    return {
        revisions([{"spec": r["data"]["spec"]["template"]["spec"]}])[0]: r["revision"]
        for r in fleet.objects("ControllerRevision", "apps/v1", "serving")
    }


def by_ordinal(fleet: Watched) -> list[str]:
    return [revisions([pod])[0] for pod in fleet.pods("coder-32b")]


def test_an_old_template_gets_its_old_revision_under_a_new_number() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    assert history(fleet) == {"b472696": 1, "381fc96": 2}
    causes = {
        r["revision"]: r["metadata"]["annotations"]["kubernetes.io/change-cause"]
        for r in fleet.objects("ControllerRevision", "apps/v1")
    }
    assert causes == {n: f"vLLM 0.32.0, model revision {name}" for n, name in ((1, "b472696"), (2, "381fc96"))}
    (old,) = (r for r in fleet.objects("ControllerRevision", "apps/v1") if r["revision"] == 1)
    template = dict(old["data"]["spec"]["template"])
    assert template.pop("$patch") == "replace"
    patch(fleet, coder(fleet), template=template)
    fleet.run(2)
    assert history(fleet) == {"b472696": 3, "381fc96": 2}
    status = coder(fleet)["status"]
    assert status["updateRevision"] == old["metadata"]["name"] != status["currentRevision"]
    fleet.run(450)
    assert by_ordinal(fleet) == ["b472696"] * 3
    status = coder(fleet)["status"]
    assert status["updateRevision"] == status["currentRevision"] == old["metadata"]["name"]
    assert status["currentReplicas"] == status["updatedReplicas"] == 3


def test_a_partition_keeps_the_first_ordinals_as_they_are() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    patch(fleet, coder(fleet), updateStrategy=strategy, template=with_revision(coder(fleet), "abc1234"))
    fleet.run(200)
    assert by_ordinal(fleet) == ["381fc96", "381fc96", "abc1234"]
    status = coder(fleet)["status"]
    assert (status["updatedReplicas"], status["currentReplicas"]) == (1, 2)
    fleet.fleet.delete_pod("serving", "coder-32b-0", grace=0.0, reason="")
    fleet.run(100)
    assert by_ordinal(fleet) == ["381fc96", "381fc96", "abc1234"]  # it came back as it was


def test_on_delete_replaces_nothing_by_itself() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    patch(fleet, coder(fleet), updateStrategy={"type": "OnDelete"}, template=with_revision(coder(fleet), "abc1234"))
    fleet.run(30)
    assert by_ordinal(fleet) == ["381fc96"] * 3
    fleet.fleet.delete_pod("serving", "coder-32b-1", grace=0.0, reason="")
    fleet.run(2)
    assert by_ordinal(fleet) == ["381fc96", "abc1234", "381fc96"]


def test_in_order_one_starts_when_the_one_before_is_ready() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    patch(fleet, coder(fleet), podManagementPolicy="OrderedReady", replicas=0)
    fleet.run(1)
    assert [n for n in sorted(names(fleet.pods("coder-32b"))) if n] == [f"coder-32b-{n}" for n in range(3)]
    leaving = [pod for pod in fleet.pods("coder-32b") if "deletionTimestamp" in pod["metadata"]]
    assert names(leaving) == {"coder-32b-2"}
    fleet.run(200)
    assert fleet.pods("coder-32b") == []
    patch(fleet, coder(fleet), replicas=2)
    fleet.run(30)
    assert names(fleet.pods("coder-32b")) == {"coder-32b-0"}
    fleet.run(60)
    assert names(fleet.pods("coder-32b")) == {"coder-32b-0", "coder-32b-1"}
    fleet.run(80)
    assert all(is_ready(pod) for pod in fleet.pods("coder-32b"))


def test_no_more_revisions_are_kept_than_wanted() -> None:
    fleet = Watched(blueprint=only("coder-32b"))
    patch(fleet, coder(fleet), revisionHistoryLimit=1, updateStrategy={"type": "OnDelete"})
    for number in range(4):
        patch(fleet, coder(fleet), template=with_revision(coder(fleet), f"abc000{number}"))
        fleet.run(2)
    # The present one, the one that the pods have, and one more.
    assert history(fleet).keys() == {"abc0003", "381fc96", "abc0002"}
