"""The status of the Kubernetes source, from the failures of its feeds. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

from fleet.dataclass import dataclass
from fleet.model.counting import count
from fleet.model.snapshot import Health
from fleet.sources.kube.errors import (
    ClusterError,
    DefectError,
    ForbiddenError,
    NotFoundError,
    ServerError,
    ThrottledError,
    UnauthorizedError,
)
from fleet.sources.kube.feed import Feed
from fleet.sources.kube.kubeconfig import Access


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """The health of the source, why, and what to do."""

    health: Health
    problem: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    since: float | None = None
    """Unix time at which the failure began, if known."""
    trouble: ClusterError | None = None
    """The trouble that keeps the whole source from working."""


def judge(
    feeds: Sequence[Feed[Any]],
    access: Access,
    user: str,
    probe: ClusterError | None,
    absent: str = "",
    namespace: str = "",
) -> SourceHealth:
    """Return the verdict over all feeds.

    ``probe`` is why the server did not answer the probe; ``absent`` is the selected namespace if it does not exist;
    ``namespace`` is the selected one: unreadable other namespaces are then only a note.
    """
    reflectors = [reflector for feed in feeds for reflector in feed.reflectors.values()]
    troubles = [
        (reflector.troubled_since or 0.0, reflector.trouble)
        for reflector in reflectors
        if reflector.trouble is not None and not _is_refusal(reflector.trouble)
    ]
    working = any(reflector.synced and reflector.trouble is None for reflector in reflectors)
    since = min((began for began, _ in troubles), default=None)
    trouble = probe if probe is not None else troubles[0][1] if troubles and not working else None
    if trouble is not None:
        return SourceHealth(Health.DOWN, *explain(trouble, access), since=since, trouble=trouble)
    defect = next((feed.defect for feed in feeds if feed.defect is not None), None)
    if defect is not None and not any(feed.reflectors for feed in feeds):
        found = DefectError(defect)
        return SourceHealth(Health.DOWN, found.message, found.remedy, since=since, trouble=found)
    limits, lost = _notes(feeds, user)
    lost = [*_unwatched(feeds, user), *lost]
    notes = tuple(dict.fromkeys([*limits, *lost]))
    whole = [reflector for feed in feeds if feed.defect is None for reflector in feed.reflectors.values()]
    if any(not reflector.synced and reflector.trouble is None for reflector in whole) or not whole:
        return SourceHealth(Health.STARTING, notes=notes)
    if absent:
        problem = f"there is no namespace {absent!r} in this cluster"
        return SourceHealth(Health.DEGRADED, problem, "Choose another one (n), or name it with --namespace.", notes)
    if lost or (limits and not namespace):
        refused = any(_is_refusal(reflector.trouble) for reflector in reflectors)
        remedy = ForbiddenError.remedy if refused else ""
        if limits and not namespace:
            remedy = f"Name a namespace that you may read (--namespace). {remedy}".rstrip()
        return SourceHealth(Health.DEGRADED, notes[0], remedy, notes)
    return SourceHealth(Health.LIVE, notes=notes)


def explain(trouble: ClusterError, access: Access) -> tuple[str, str]:
    """Return (what is wrong, what to do), naming the user and the file of the credentials."""
    if not isinstance(trouble, UnauthorizedError):
        if isinstance(trouble, ServerError | ThrottledError):
            return f"{access.server} answers HTTP {trouble.status}: {trouble.message}", trouble.remedy
        return trouble.message, trouble.remedy
    where = f" in {access.file}" if access.file else ""
    problem = f"{access.server} does not accept the credentials of user {access.user!r}{where} (401 {trouble.message})"
    settings = access.user_settings
    plugin = settings.get("exec")
    if isinstance(plugin, dict):
        remedy = f"Its exec plugin returned credentials that are rejected: log in again with `{plugin.get('command')}`."
    elif settings.get("tokenFile"):
        remedy = f"The token in {settings['tokenFile']} has expired or was revoked: renew it."
    elif settings.get("token"):
        remedy = "The token has expired or was revoked: log in again, or choose another context."
    elif settings.get("client-certificate") or settings.get("client-certificate-data"):
        remedy = "The client certificate is rejected, perhaps expired: renew it, or choose another context."
    else:
        remedy = "The user entry has no credentials: log in, or choose another context."
    return problem, remedy


def in_words(trouble: ClusterError, access: Access) -> ClusterError:
    """The same trouble, its text naming the server, the user and the file that the credentials come from."""
    named = copy(trouble)
    named.message, named.remedy = explain(trouble, access)
    return named


def _is_refusal(trouble: ClusterError | None) -> bool:
    """True if the server answered and refused: one resource, not everything."""
    return isinstance(trouble, ForbiddenError | NotFoundError)


def _notes(feeds: Sequence[Feed[Any]], user: str) -> tuple[list[str], list[str]]:
    """Return the facts that are known for some namespaces only, and those that are not known at all."""
    notes: list[str] = []
    partial: dict[tuple[str, ...], list[str]] = {}
    for feed in feeds:
        troubles = {scope: r.trouble for scope, r in feed.reflectors.items() if r.trouble is not None}
        readable = tuple(sorted(scope for scope in feed.reflectors if scope not in troubles))
        if feed.denied is not None and readable:
            partial.setdefault(readable, []).append(feed.resource.name)
        elif feed.denied is not None:
            notes.append(_loss(feed, feed.denied, user))
        else:
            notes += [_loss(feed, t, user) for t in troubles.values() if _is_refusal(t) and not _is_absent(feed, t)]
        notes += [f"{feed.resource.name}: {t.message}" for t in troubles.values() if not _is_refusal(t)]
        if feed.defect is not None:
            notes.append(f"{feed.resource.name}: a defect of Quarterdeck, please report it: {feed.defect!r}")
        skipped = sum(reflector.skipped for reflector in feed.reflectors.values())
        if skipped:
            notes.append(f"{feed.resource.name}: {count(skipped, 'object')} left out that cannot be read")
    limits: list[str] = []
    for scopes, names in partial.items():
        shown = ", ".join(scopes[:3]) + (f" and {len(scopes) - 3} more" if len(scopes) > 3 else "")
        limits.append(
            f"only namespace {shown}: {user or 'this user'} may not list {', '.join(names)} in all namespaces"
        )
    return limits, notes


def _unwatched(feeds: Sequence[Feed[Any]], user: str) -> Iterator[str]:
    """Yield the resources that are listed at intervals instead of watched, by reason."""
    reasons: dict[tuple[bool, str], list[str]] = {}
    for feed in feeds:
        errors = [r.unwatched for r in feed.reflectors.values() if r.unwatched is not None and r.trouble is None]
        if errors:
            forbidden = isinstance(errors[0], ForbiddenError)
            reasons.setdefault((forbidden, "" if forbidden else errors[0].message), []).append(feed.resource.name)
    for (forbidden, message), names in reasons.items():
        why = f"{user or 'this user'} may not watch; an administrator must grant it" if forbidden else message
        yield f"changes arrive late: listed every 30 s instead of watched ({why}): {', '.join(names)}"


def _is_absent(feed: Feed[Any], trouble: ClusterError) -> bool:
    return feed.resource.optional and isinstance(trouble, NotFoundError)


def _loss(feed: Feed[Any], trouble: ClusterError, user: str) -> str:
    """Return what is missing, why, and who can change it."""
    resource = feed.resource
    if isinstance(trouble, NotFoundError):
        return f"{resource.name}: this server has no {resource.qualified}; not shown: {resource.lost}"
    return (
        f"{resource.name}: forbidden; not shown: {resource.lost}. "
        f"A cluster administrator must grant {user or 'this user'} get, list and watch on {resource.qualified}"
    )
