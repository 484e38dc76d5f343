"""SelfSubjectReview, SelfSubjectAccessReview and SelfSubjectRulesReview: the caller's identity and permissions."""

from __future__ import annotations

from typing import Any

from simulator.api import errors
from simulator.api.rbac import Attributes, Authorizer, User
from simulator.api.resources import Resource

Obj = dict[str, Any]

KINDS = frozenset({"SelfSubjectReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview"})
"""Kinds that are answered and never stored."""


def answer(resource: Resource, given: Any, user: User, authorizer: Authorizer, now: str) -> Obj:
    """The review with its status filled in. `now` is the RFC 3339 time. Raises ApiError 400."""
    if not isinstance(given, dict) or given.get("kind", resource.kind) != resource.kind:
        raise errors.bad_request(f"the body of the request is not a {resource.kind}")
    head: Obj = {"kind": resource.kind, "apiVersion": resource.api_version}
    spec = given.get("spec") or {}
    if resource.kind == "SelfSubjectReview":
        return head | {"metadata": {"creationTimestamp": now}, "status": {"userInfo": user.info()}}
    if resource.kind == "SelfSubjectAccessReview":
        return head | {"metadata": {}, "spec": spec, "status": _access(spec, user, authorizer)}
    namespace = spec.get("namespace")
    if not namespace:
        raise errors.bad_request("no namespace on request")
    return head | {"metadata": {}, "spec": {}, "status": _rules(user, namespace, authorizer)}


def _access(spec: Obj, user: User, authorizer: Authorizer) -> Obj:
    wanted, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (wanted is None) == (path is None):
        raise errors.bad_request("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    if path is not None:
        asked = Attributes(path.get("verb", ""), path=path.get("path", ""))
    else:
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        asked = Attributes(**{name: str((wanted or {}).get(name, "")) for name in names})
    reason = authorizer.allow(user, asked)
    return {"allowed": False} if reason is None else {"allowed": True, "reason": reason}


def _rules(user: User, namespace: str, authorizer: Authorizer) -> Obj:
    resources: list[Obj] = []
    paths: list[Obj] = []
    for grant in authorizer.grants(user, namespace):
        rules = paths if "nonResourceURLs" in grant.rule else resources
        if grant.rule not in rules:
            rules.append(grant.rule)
    return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}
