"""The roles that ``quarterdeck rbac`` prints, applied to a cluster and tried."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from actions.catalogue import specs
from console.cli.dispatch import dispatch
from console.rbac.roles import RbacRole, manifests
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ForbiddenError
from fleet.sources.kube.kubeconfig import load_access
from fleet.sources.kube.reads import KubeReads
from fleet.sources.kube.resources import all_resources
from fleet.timeline.cluster.registry import witnesses
from tests.simulator.api_process import Process, simulator

pytestmark = pytest.mark.real("kubectl")

NEVER = (
    ("get", "", "secrets", ""),
    ("create", "", "pods", "exec"),
    ("get", "", "pods", "exec"),
    ("create", "", "pods", "portforward"),
    ("get", "", "pods", "proxy"),
    ("get", "", "services", "proxy"),
    ("delete", "apps", "deployments", ""),
    ("update", "apps", "deployments", "scale"),
    ("create", "", "pods", ""),
    ("patch", "", "services", ""),
    ("create", "rbac.authorization.k8s.io", "clusterrolebindings", ""),
)


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--scenario", "steady", "--pods", "12") as process:
        yield process


def granted(fleet: Process, capsys: pytest.CaptureFixture[str], folder: Path, *flags: str) -> None:
    """Apply what the command prints, to the user that has nothing yet."""
    assert dispatch("quarterdeck", ["rbac", *flags, "--user", "nobody"], {}) == 0
    file = folder / "role.yaml"
    file.write_text(capsys.readouterr().out)
    apply = [
        "kubectl",
        f"--kubeconfig={fleet.kubeconfig}",
        "--context=demo",
        "apply",
        "--validate=false",
        "-f",
        str(file),
    ]
    subprocess.run(apply, check=True, capture_output=True)


async def allowed(reads: KubeReads, verb: str, group: str, resource: str, sub: str, namespace: str = "serving") -> bool:
    return (await reads.can_i(verb, resource, group, sub, namespace)).allowed


@pytest.mark.parametrize("role", ["auditor", "oncall"])
async def test_a_role_can_do_what_it_must_and_nothing_else(
    role: str, fleet: Process, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    await asyncio.to_thread(granted, fleet, capsys, tmp_path, role)
    client = KubeClient(load_access(str(fleet.kubeconfig), "demo-nobody"))
    reads = KubeReads(client)
    try:
        for resource in all_resources():
            place = "serving" if resource.namespaced else ""
            assert await allowed(reads, "watch", resource.group, resource.name, "", place), resource.name
        asked = {
            permission for spec in specs() for target in spec.targets for permission in spec.permissions_for(target)
        }
        for verb, group, plural, sub, namespaced in asked:
            may = await allowed(reads, verb, group, plural, sub, "serving" if namespaced else "")
            assert may is (role == "oncall"), (verb, plural, sub)
        assert await allowed(reads, "create", "", "events", "") is (role == "oncall")
        assert await allowed(reads, "get", "", "pods", "log") is (role == "oncall")
        for verb, group, plural, sub in NEVER:
            assert not await allowed(reads, verb, group, plural, sub), (verb, plural, sub)
        with pytest.raises(ForbiddenError):
            await client.get("/apis/rbac.authorization.k8s.io/v1/clusterroles")
    finally:
        await client.close()


def test_a_role_in_namespaces_holds_there_and_for_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch("quarterdeck", ["rbac", "oncall", "--in", "serving", "--in", "batch", "--group", "sre"], {}) == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    kinds = [(d["kind"], d["metadata"].get("namespace")) for d in documents]
    assert kinds == [
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("RbacRole", "serving"),
        ("RoleBinding", "serving"),
        ("RbacRole", "batch"),
        ("RoleBinding", "batch"),
    ]
    assert {resource for rule in documents[0]["rules"] for resource in rule["resources"]} == {"nodes", "namespaces"}
    assert documents[3]["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "sre"}]


def test_the_namespace_of_every_command_is_a_namespace_here_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch("quarterdeck", ["rbac", "oncall", "-n", "serving"], {}) == 0
    kinds = [document["kind"] for document in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds == ["ClusterRole", "ClusterRoleBinding", "RbacRole", "RoleBinding"]


def test_logs_and_proxy_are_an_auditors_only_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch("quarterdeck", ["rbac", "auditor", "--logs", "--proxy"], {}) == 0
    rules = next(yaml.safe_load_all(capsys.readouterr().out))["rules"]
    granted = {resource for rule in rules for resource in rule["resources"]}
    assert {"pods/log", "pods/proxy", "services/proxy"} <= granted


def test_the_oncall_role_has_what_the_actions_declare_and_no_more_than_that() -> None:
    rules = manifests(RbacRole.ONCALL)[0]["rules"]
    looks = manifests(RbacRole.AUDITOR, logs=True)[0]["rules"]
    more = {
        (r["apiGroups"][0], name, verb)
        for r in rules
        if r not in looks
        for name in r["resources"]
        for verb in r["verbs"]
    }
    declared = {
        (p.group, f"{p.resource}/{p.subresource}" if p.subresource else p.resource, p.verb)
        for spec in specs()
        for target in spec.targets
        for p in (*spec.permissions_for(target), *spec.reads)
    }
    assert more == {*declared, ("", "events", "create")}
    assert {verb for _, _, verb in more} <= {"get", "list", "create", "patch", "delete"}


@pytest.mark.parametrize("role", list(RbacRole))
def test_both_roles_may_list_whatever_tells_of_the_past(role: RbacRole) -> None:
    rules = manifests(role)[0]["rules"]
    for row in witnesses():
        assert any(
            row.group in rule["apiGroups"] and row.plural in rule["resources"] and "list" in rule["verbs"]
            for rule in rules
        ), row.qualified
