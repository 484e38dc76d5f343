"""Actions permitted to this identity, what is missing for the others, and the role that grants it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from actions.catalogue import specs
from actions.permissions import Permission, granted
from console.doctor.check import DoctorCheck, DoctorStatus
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.planning.plan_context import Reads

SUBJECT = "actions"
_EVERYTHING = Permission("*", "*", "*")
"""Permission of an administrator: one question then answers all others."""


@dataclass(frozen=True, slots=True)
class Acting:
    """The API server's answers on the permissions of actions."""

    missing: Mapping[tuple[str, str], tuple[Permission, ...]] = field(default_factory=dict)
    """(kind of action, kind of target) → the missing permissions; no entry if none is missing."""
    trouble: str = ""
    """The reason why the server could not be asked."""


def needed_permissions() -> dict[tuple[str, str], tuple[Permission, ...]]:
    """Return (kind of action, kind of target) → the permissions needed, for all actions on a cluster."""
    found = {(spec.kind, target): spec.permissions_for(target) for spec in specs() for target in spec.targets}
    return {key: permissions for key, permissions in found.items() if permissions}


async def ask(reads: Reads, namespace: str) -> Acting:
    """Review permissions in a namespace (empty: all), each permission once, and none if everything is granted."""
    import asyncio

    from fleet.sources.kube.errors import ClusterError

    every = needed_permissions()
    # With all namespaces in view, cluster-wide and namespaced permissions are the same question.
    questions = dict.fromkeys((p._replace(namespaced=True), p.scope(namespace)) for ps in every.values() for p in ps)
    try:
        if await granted(_EVERYTHING, "", reads):
            return Acting()
        answers = await asyncio.gather(*(granted(each, where, reads) for each, where in questions))
    except ClusterError as error:
        return Acting(trouble=error.message)
    known = dict(zip(questions, answers, strict=True))
    missing = {
        key: tuple(p for p in permissions if not known[p._replace(namespaced=True), p.scope(namespace)])
        for key, permissions in every.items()
    }
    return Acting({key: permissions for key, permissions in missing.items() if permissions})


def read_only() -> DoctorCheck:
    """Return the check for read-only mode, without asking the server."""
    return DoctorCheck(SUBJECT, DoctorStatus.OK, "none is executed in read-only mode")


def judge(acting: Acting, user: str, namespace: str) -> DoctorCheck:
    """Return one check for all actions; ``namespace`` is where they were reviewed, empty for all."""
    if acting.trouble:
        return DoctorCheck(
            SUBJECT, DoctorStatus.WARN, f"whether they are permitted could not be checked: {acting.trouble}"
        )
    who = user or "this identity"
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    if not acting.missing:
        return DoctorCheck(SUBJECT, DoctorStatus.OK, f"{who} may do all of them, {where}")
    targets: dict[str, list[str]] = {}
    for kind, target in needed_permissions():
        targets.setdefault(kind, []).append(target)
    refused = {kind: [each for each in every if (kind, each) in acting.missing] for kind, every in targets.items()}
    whole = [kind for kind, some in refused.items() if not some]
    none = refused == targets
    finding = f"{who} may do none of them {where}" if none else f"{who} may not do all of them {where}"
    allowed = (f"permitted: {', '.join(whole)}",) if whole else ()
    confined = f" --in {shlex.quote(namespace)}" if namespace else ""
    return DoctorCheck(
        SUBJECT,
        DoctorStatus.WARN,
        finding if namespace else f"{finding}; a plan asks for the namespace of its target",
        (*allowed, *_lines(acting, targets, refused)),
        f"quarterdeck rbac oncall{confined} --user {shlex.quote(user or 'USER')} | kubectl apply -f -",
    )


def _lines(acting: Acting, targets: Mapping[str, list[str]], refused: Mapping[str, list[str]]) -> Iterator[str]:
    """A line for each set of permissions that is missing, with the actions that it is missing for."""
    lines: dict[tuple[Permission, ...], list[str]] = {}
    for kind, some in refused.items():
        lack = dict.fromkeys(each for target in some for each in acting.missing[kind, target])
        lines.setdefault(tuple(lack), []).append(kind if some == targets[kind] else f"{kind} of {', '.join(some)}")
    for permissions, kinds in lines.items():
        if permissions:
            yield f"refused: {', '.join(kinds)} ({', '.join(map(str, permissions))})"
