"""Permissions that the console needs, and how an administrator grants the missing ones."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from console.doctor.check import DoctorCheck, DoctorStatus
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from fleet.sources.kube.reads import KubeReads

ROLE = "quarterdeck-reader"


@dataclass(frozen=True, slots=True)
class NeededPermission:
    """A permission, and what is lost without it."""

    resource: str
    """Resource as in ``kubectl auth can-i``: pods, deployments.apps, pods/log."""
    verbs: tuple[str, ...]
    lost: str
    namespaced: bool = True
    essential: bool = False
    """True if nothing works without it."""

    @property
    def blocks(self) -> bool:
        """True if nothing works when these verbs are refused: then only listable objects are shown."""
        return self.essential and self.verbs != ("watch",)

    @property
    def parts(self) -> tuple[str, str, str]:
        """(resource, group, subresource)."""
        qualified, _, subresource = self.resource.partition("/")
        name, _, group = qualified.partition(".")
        return name, group, subresource


def needs() -> tuple[NeededPermission, ...]:
    """Everything that the console reads."""
    from fleet.sources.kube.resources import PODS, all_resources

    watched = (
        NeededPermission(r.qualified, ("list", "watch"), r.lost, r.namespaced, essential=r is PODS)
        for r in all_resources()
    )
    return (
        *watched,
        NeededPermission("namespaces", ("list",), "the choice of namespaces", namespaced=False),
        NeededPermission("pods/log", ("get",), "logs"),
        NeededPermission("services/proxy", ("get",), "a Prometheus inside the cluster, reached through the API server"),
        NeededPermission("pods/proxy", ("get",), "direct scraping where pod IPs are not reachable"),
    )


@dataclass(frozen=True, slots=True)
class PermissionReview:
    """The API server's answer on the needs."""

    lacking: tuple[NeededPermission, ...] = ()
    """Needs that are not met, with the verbs that are refused."""
    namespace: str = ""
    """Namespace of the review; empty for all namespaces."""
    trouble: str = ""
    """The reason why the server could not be asked."""


async def ask(reads: KubeReads, namespace: str, own: str) -> PermissionReview:
    """Review permissions in the selected namespace (empty for all); if it gives no pods, in the context's ``own``."""
    from fleet.sources.kube.errors import ClusterError

    try:
        lacking = await _lacking(reads, namespace)
        if not namespace and own and any(need.blocks for need in lacking):
            there = await _lacking(reads, own)
            if not any(need.blocks for need in there):
                return PermissionReview(there, own)
    except ClusterError as error:
        return PermissionReview(trouble=error.message)
    return PermissionReview(lacking, namespace)


async def _lacking(reads: KubeReads, namespace: str) -> tuple[NeededPermission, ...]:
    import asyncio

    async def refused(need: NeededPermission) -> NeededPermission | None:
        name, group, subresource = need.parts
        scope = namespace if need.namespaced else ""
        answers = [await reads.can_i(verb, name, group, subresource, scope) for verb in need.verbs]
        verbs = tuple(verb for verb, answer in zip(need.verbs, answers, strict=True) if not answer.allowed)
        return NeededPermission(need.resource, verbs, need.lost, need.namespaced, need.essential) if verbs else None

    found = await asyncio.gather(*(refused(need) for need in needs()))
    return tuple(need for need in found if need is not None)


def judge(answer: PermissionReview, user: str, namespace: str) -> DoctorCheck:
    """Return the permissions as one check; ``namespace`` is the selected one, empty for all."""
    if answer.trouble:
        return DoctorCheck("permissions", DoctorStatus.WARN, f"could not be checked: {answer.trouble}")
    who = user or "this identity"
    where = f"in namespace {answer.namespace}" if answer.namespace else "in all namespaces"
    lacking, confined = answer.lacking, answer.namespace != namespace
    if not lacking and not confined:
        return DoctorCheck("permissions", DoctorStatus.OK, f"{who} may read everything that is shown, {where}")
    only = f"{who} sees no other namespace than {answer.namespace}, and " if confined else f"{who} "
    names = ", ".join(need.resource for need in lacking)
    late = bool(lacking) and all(need.verbs == ("watch",) for need in lacking)
    what = "list but not watch, so changes arrive late:" if late else "not read"
    return DoctorCheck(
        "permissions",
        DoctorStatus.FAIL if any(need.blocks for need in lacking) else DoctorStatus.WARN,
        f"{only}may {what} {names} {where}" if lacking else f"{only}may read everything there",
        tuple(f"{need.resource} ({', '.join(need.verbs)}): {_loss(need)}" for need in lacking),
        "\n".join(grants(lacking, user, answer.namespace)),
    )


def _loss(need: NeededPermission) -> str:
    """Return what is lost without the refused verbs; without "watch", changes only come late."""
    return "listed periodically, so its changes arrive late" if need.verbs == ("watch",) else need.lost


def grants(lacking: Iterable[NeededPermission], user: str, namespace: str) -> Iterator[str]:
    """The kubectl commands of an administrator that grant it: namespaced where one namespace is in view."""
    local = [need for need in lacking if need.namespaced and namespace]
    wide = [need for need in lacking if not (need.namespaced and namespace)]
    for group, kind, scope in ((wide, "clusterrole", ""), (local, "role", f" -n {shlex.quote(namespace)}")):
        ordered = sorted(group, key=lambda need: need.verbs)
        for number, (verbs, same) in enumerate(groupby(ordered, key=lambda need: need.verbs)):
            name = ROLE if number == 0 else f"{ROLE}-{number + 1}"
            resources = ",".join(need.resource for need in same)
            yield f"kubectl create {kind} {name}{scope} --verb={','.join(verbs)} --resource={resources}"
            yield f"kubectl create {kind}binding {name}{scope} --{kind}={name} {_subject(user)}"


def _subject(user: str) -> str:
    """Return the flag that names an identity; service accounts have their own."""
    if user.startswith("system:serviceaccount:"):
        return f"--serviceaccount={shlex.quote(user.removeprefix('system:serviceaccount:'))}"
    return f"--user={shlex.quote(user or 'USER')}"
