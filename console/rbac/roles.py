"""Roles: an auditor sees the fleet, the on-call engineer may also run the actions.

The rules name every request of the console and of ``actions`` and nothing more; those of the actions follow from their
declarations, and those of workloads from their kinds. Notably absent: secrets, exec, attach, port-forward, and, unless
requested, logs and the API server's proxy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Any

from actions.catalogue import specs
from fleet.kinds.registry import listed
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.routing import RESOURCES
from fleet.timeline.cluster.registry import witnesses

Rule = dict[str, Any]

_LOOK = ["get", "list", "watch"]


class RbacRole(StrEnum):
    """The roles."""

    AUDITOR = "auditor"
    ONCALL = "oncall"


def _rule(group: str, resources: str, verbs: Sequence[str] = _LOOK) -> Rule:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": list(verbs)}


_SEEN_BESIDE_WORKLOADS = (
    _rule("", "pods services endpoints events resourcequotas"),
    _rule("apps", "controllerrevisions"),
    _rule("autoscaling", "horizontalpodautoscalers"),
    # Which Prometheus and Alertmanager of the cluster can be trusted.
    _rule("monitoring.coreos.com", "prometheuses alertmanagers", ["list"]),
    _rule("operator.victoriametrics.com", "vmsingles vmclusters vmalertmanagers", ["list"]),
    _rule("policy", "poddisruptionbudgets"),
    # If these are installed; a rule for a missing resource has no effect.
    _rule("keda.sh", "scaledobjects"),
    _rule("inference.networking.k8s.io", "inferencepools"),
)
_SEEN_IN_THE_CLUSTER = (_rule("", "nodes namespaces"),)

# The Event on the target that says who did what, and why.
_NOTED = _rule("", "events", ["create"])
_VERBS = ("get", "list", "watch", "create", "patch", "delete")
"""Verbs in the order of a rule."""

_LOGS = _rule("", "pods/log", ["get"])
_PROXY = _rule("", "pods/proxy services/proxy", ["get"])


def manifests(
    role: RbacRole,
    *,
    namespaces: Sequence[str] = (),
    users: Sequence[str] = (),
    groups: Sequence[str] = (),
    logs: bool = False,
    proxy: bool = False,
) -> list[dict[str, Any]]:
    """Return the objects, in the order in which to apply them.

    Without ``namespaces`` the role is cluster-wide; with them it applies there, and to nodes. ``logs`` and ``proxy``
    (to engines and to Prometheus, if there is no direct way) are added to an auditor's only on request; the on-call
    engineer may always read logs. Without users and groups it is bound to the group ``quarterdeck:<role>``.
    """
    subjects = [_subject("User", user) for user in users] + [_subject("Group", group) for group in groups]
    subjects = subjects or [_subject("Group", f"quarterdeck:{role}")]
    acts = role is RbacRole.ONCALL
    done_inside, done_outside = _action_rules() if acts else ([], [])
    inside = [*_SEEN_BESIDE_WORKLOADS, *_workloads(), *_routing(), *_witnesses(), *done_inside]
    inside += [_LOGS] if logs or acts else []
    inside += [_PROXY] if proxy else []
    outside = [*_SEEN_IN_THE_CLUSTER, *done_outside]
    name = f"quarterdeck-{role}"
    if not namespaces:
        return [_role("ClusterRole", name, [*inside, *outside]), _binding("ClusterRoleBinding", name, subjects)]
    found = [_role("ClusterRole", f"{name}-nodes", outside), _binding("ClusterRoleBinding", f"{name}-nodes", subjects)]
    for namespace in namespaces:
        found.append(_role("RbacRole", name, inside, namespace))
        found.append(_binding("RoleBinding", name, subjects, namespace))
    return found


def _workloads() -> Iterator[Rule]:
    """Yield the rules for the listed kinds of workloads, and their subresources with replica counts."""
    for group, kinds in groupby(sorted(listed(), key=lambda kind: kind.group), key=lambda kind: kind.group):
        same = list(kinds)
        yield _rule(group, " ".join(kind.plural for kind in same))
        if scalable := [f"{kind.plural}/{kind.scale}" for kind in same if kind.scale]:
            yield _rule(group, " ".join(scalable), ["get"])


def _routing() -> Iterator[Rule]:
    """Yield the rules for routes to engines, and for certificates. They name Secrets, and read none."""
    seen = {plural for rule in _SEEN_BESIDE_WORKLOADS for plural in rule["resources"]}
    missing = [one for _, one in RESOURCES if one.name not in seen]
    for group, same in groupby(sorted(missing, key=lambda one: one.group), key=lambda one: one.group):
        yield _rule(group, " ".join(one.name for one in same), ["list"])


def _witnesses() -> Iterator[Rule]:
    """Yield the rules needed for the timeline alone: the other resources in it already have rules."""
    rules = (*_SEEN_BESIDE_WORKLOADS, *_SEEN_IN_THE_CLUSTER, *_workloads())
    seen = {(group, plural) for rule in rules for group in rule["apiGroups"] for plural in rule["resources"]}
    for witness in witnesses():
        if (witness.group, witness.plural) not in seen:
            yield _rule(witness.group, witness.plural, ["list"])


def _action_rules() -> tuple[list[Rule], list[Rule]]:
    """Return the rules that the declarations of the actions need: in namespaces, and of the cluster's own objects."""
    outside = {(resource.group, resource.name) for resource in all_resources() if not resource.namespaced}
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for spec in specs():
        needs = [permission for target in spec.targets for permission in spec.permissions_for(target)]
        for permission in (*needs, *spec.reads):
            key = (permission.group, permission.resource, permission.subresource)
            verbs.setdefault(key, set()).add(permission.verb)
    rules: dict[tuple[Any, ...], list[str]] = {}
    for (group, plural, part), some in verbs.items():
        ordered = tuple(verb for verb in _VERBS if verb in some)
        name = f"{plural}/{part}" if part else plural
        rules.setdefault(((group, plural) in outside, group, part, ordered), []).append(name)
    made = [(whole, _rule(group, " ".join(names), ordered)) for (whole, group, _, ordered), names in rules.items()]
    return [*(rule for whole, rule in made if not whole), _NOTED], [rule for whole, rule in made if whole]


def _role(kind: str, name: str, rules: Sequence[Rule], namespace: str = "") -> dict[str, Any]:
    return _head(kind, name, namespace) | {"rules": list(rules)}


def _binding(kind: str, name: str, subjects: Sequence[Rule], namespace: str = "") -> dict[str, Any]:
    reference = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": kind.removesuffix("Binding"),
        "name": name,
    }
    return _head(kind, name, namespace) | {"roleRef": reference, "subjects": list(subjects)}


def _head(kind: str, name: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}


def _subject(kind: str, name: str) -> dict[str, Any]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
