"""Authentication and authorization: bearer tokens, and RBAC over the stored role objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.data import document
from simulator.store import Store

Obj = dict[str, Any]
API = "rbac.authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated identity."""

    name: str
    groups: tuple[str, ...] = ("system:authenticated",)
    uid: str = ""

    def info(self) -> Obj:
        """The userInfo of a SelfSubjectReview."""
        return {"username": self.name} | ({"uid": self.uid} if self.uid else {}) | {"groups": [*self.groups]}


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Attributes:
    """A verb on a resource (or, with `path`, on a path that is none), to be authorized."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A rule with the binding that gives it."""

    rule: Obj
    reason: str


class Authorizer:
    """Reads ClusterRoles, Roles and their bindings from the store at every question."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allow(self, user: User, asked: Attributes) -> str | None:
        """The reason why the user may, in the words of the API server; None if not."""
        for grant in self.grants(user, asked.namespace):
            if covers(grant.rule, asked):
                return grant.reason
        return None

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """The user's rules at the cluster scope and, unless it is "", in a namespace."""
        bindings = self._store.list(API, "ClusterRoleBinding")
        if namespace:
            bindings = bindings + self._store.list(API, "RoleBinding", namespace)
        for binding in bindings:
            subject = next((s for s in binding.get("subjects", ()) if _is_subject(user, s)), None)
            if subject is None:
                continue
            reference, metadata = binding["roleRef"], binding["metadata"]
            role = self._store.get(
                API, reference["kind"], namespace if reference["kind"] == "Role" else "", reference["name"]
            )
            place = f"/{metadata['namespace']}" if "namespace" in metadata else ""
            reason = (
                f'RBAC: allowed by {binding["kind"]} "{metadata["name"]}{place}" of {reference["kind"]} '
                f'"{reference["name"]}" to {subject["kind"]} "{subject["name"]}"'
            )
            for rule in (role or {}).get("rules", ()):
                # Only a binding of the whole cluster gives access to paths.
                if not (place and "nonResourceURLs" in rule):
                    yield Grant(rule, reason)


def _is_subject(user: User, subject: Obj) -> bool:
    if subject["kind"] == "User":
        return bool(subject["name"] == user.name)
    return subject["kind"] == "Group" and subject["name"] in user.groups


def covers(rule: Obj, asked: Attributes) -> bool:
    """True if a PolicyRule covers a request."""
    if not _grants_value(asked.verb, rule["verbs"]):
        return False
    if asked.path:
        urls = rule.get("nonResourceURLs", ())
        return any(u == asked.path or (u.endswith("*") and asked.path.startswith(u[:-1])) for u in urls)
    names = rule.get("resourceNames")
    if names and asked.name not in names:
        return False
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    granted = rule.get("resources", ())
    any_resource = bool(asked.subresource) and f"*/{asked.subresource}" in granted
    return _grants_value(asked.group, rule.get("apiGroups", ())) and (any_resource or _grants_value(resource, granted))


def _grants_value(value: str, granted: Sequence[str]) -> bool:
    return value in granted or "*" in granted


USERS = {
    name: User(name, (*groups, "system:authenticated"))
    for name, groups in {
        "admin": ("system:masters",),
        "oncall": ("oncall",),
        "auditor": ("auditors",),
        "teamlead": (),
        "nobody": (),
    }.items()
}
"""The identities of the simulator: `teamlead` is bound in one namespace only, `nobody` nowhere."""


def binding(name: str, role: str, kind: str, subject: str, namespace: str = "") -> Obj:
    """A binding of a ClusterRole: of the whole cluster, or a RoleBinding in a namespace."""
    scope = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": API,
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name} | scope,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": kind, "apiGroup": "rbac.authorization.k8s.io", "name": subject}],
    }


def objects(team_namespace: str) -> Iterable[Obj]:
    """The roles and bindings of the simulated cluster; `teamlead` is on call in `team_namespace` only."""
    content = document("rbac.yaml")
    for name, rules in content["roles"].items():
        yield {"apiVersion": API, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    for name, bound in content["bindings"].items():
        yield binding(name, bound["role"], "Group", bound["group"])
    yield binding("teamlead", "oncall", "User", "teamlead", team_namespace)
