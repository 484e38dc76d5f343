"""The one way out: the guard that each HTTP client consults before a request reaches a socket.

Every client is made with a guard. ``reads_only`` is the default, and the only one used below the actions, in read-write
mode as well: observation cannot change anything. ``may_change`` is for the one client of the actions, ``may_ask`` for
the one that sends a user's prompts to an engine.

The guard judges the bytes that are sent: a URL that leaves anything to be resolved on its way (fleet.net.plain_url)
passes no guard, whatever it would resolve to.

The latch is process-wide. ``lock`` is called as soon as the settings say read-only, before any client exists; nothing
can unlock it, and once locked it refuses changes whatever guard a client was made with, and the start of any process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Final
from urllib.parse import urlsplit

from fleet.explained_error import ExplainedError
from fleet.net.plain_url import plain

Guard = Callable[[str, str], None]
"""Called with method and URL of each request; refuses by raising RefusedError."""

READ_ONLY: Final = "this is read-only: nothing that changes a cluster or starts a process is sent"
LOGS: Final = "logs"
PROXY: Final = "proxy"

_READS: Final = frozenset({"GET", "HEAD"})
_REVIEWS: Final = frozenset(
    {
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
    }
)
"""POSTs in which the caller asks about its own permissions; they change nothing."""
_PROMPTS: Final = frozenset({"/v1/chat/completions", "/v1/completions"})
"""POSTs that make an engine answer a prompt, as in OpenAI's API; no path prefix is allowed, not even a proxy's."""
_CONNECTS: Final = frozenset({"exec", "attach", "portforward"})
"""Subresources of pods that act although they may be opened with GET."""
_READABLE: Final = frozenset({"", "log", "proxy", "scale", "status"})
"""Subresources known to be safe to read; a GET of any other may have effects."""
_HELM_RECORDS = re.compile(r"(/[A-Za-z0-9._~-]+)*/api/v1/(namespaces/[a-z0-9-]+/)?secrets")
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
"""Prefix that the API's own paths may have: a gateway's path to the cluster."""

_allowed: frozenset[str] | None = None
"""None while changes are allowed; otherwise the extra reads that a locked guard permits (LOGS, PROXY)."""


class RefusedError(ExplainedError):
    """A request that was not sent. The text says which, and why."""


def lock(allow: Collection[str] = ()) -> None:
    """Read-only from now on, for good. ``allow``: LOGS and PROXY, where the site's policy does; only ever narrowed."""
    global _allowed
    _allowed = frozenset(allow) if _allowed is None else _allowed & frozenset(allow)


def is_locked() -> bool:
    """True if this process is read-only."""
    return _allowed is not None


def permits(what: str) -> bool:
    """True if LOGS or PROXY may be read."""
    return _allowed is None or what in _allowed


def reads_only(method: str, url: str) -> None:
    """Allow GET, HEAD and the selfsubject reviews. Raises RefusedError for everything else."""
    path = _path(url)
    if method in _READS:
        _check_read(path)
    elif method != "POST" or not _is_review(path):
        raise RefusedError(f"{method} {path} was not sent: only requests that read are allowed here")


def may_change(method: str, url: str) -> None:
    """Allow changes, unless this process is read-only. Raises RefusedError."""
    _path(url)
    if is_locked():
        reads_only(method, url)


def may_ask(method: str, url: str) -> None:
    """Allow reads and prompts; no prompt in read-only mode, since it makes a GPU work. Raises RefusedError."""
    path = _path(url)
    # Exactly such a path, as with the reviews: exceptions are compared literally.
    if method != "POST" or path not in _PROMPTS:
        reads_only(method, url)
    elif is_locked():
        raise RefusedError("the prompt was not sent: this is read-only, and a prompt makes a GPU work")


def reads_helm_metadata(method: str, url: str) -> None:
    """Allow the list of Helm's records, if the request asks for nothing but their metadata.

    The records are Secrets: ``KubeClient.helm_metadata`` makes that request, and its Accept header leaves the server no
    other answer. Raises RefusedError for everything else.
    """
    split = urlsplit(url)
    if method != "GET" or not _HELM_RECORDS.fullmatch(_path(url)) or "labelSelector=owner%3Dhelm" not in split.query:
        raise RefusedError("secrets are never read", "Use kubectl if you really need them.")


def may_start(what: str) -> None:
    """Ask before a process is started that is not part of reading. Raises RefusedError in read-only mode."""
    if is_locked():
        raise RefusedError(f"{what} was not started: {READ_ONLY}")


def _path(url: str) -> str:
    """The path of a URL that is in its plain form. Raises RefusedError for any other."""
    try:
        return plain(url).path
    except ValueError as error:
        raise RefusedError(f"a request was not sent: {error}", "Ambiguous requests are not sent.") from None


def _check_read(path: str) -> None:
    """Raise RefusedError for reads of the API that are none, or that are their own permission."""
    # In lower case: a gateway may be case-insensitive.
    parts = [part for part in path.lower().split("/") if part]
    for at, (one, two) in enumerate(pairwise(parts)):
        # Anywhere in the path: gateways put their own prefix before the API.
        if (one, two) == ("api", "v1"):
            _check_core(path, parts[at + 2 :])
        elif one == "apis":
            _check_subresource(path, *_resource(parts[at + 3 :]))


def _check_core(path: str, rest: list[str]) -> None:
    legacy = rest[:1] == ["proxy"] or rest[:2] == ["watch", "proxy"]
    kind, sub = _resource(rest)
    if kind == "secrets":
        raise RefusedError("secrets are never read", "Use kubectl if you really need them.")
    if sub in _CONNECTS:
        raise RefusedError(f"GET {path} was not sent: {sub} acts on a pod")
    if kind == "pods" and sub == "log" and not permits(LOGS):
        raise RefusedError("logs are not read in read-only mode", 'The site\'s policy can allow it: allow = ["logs"].')
    if (sub == "proxy" or legacy) and not permits(PROXY):
        remedy = 'The site\'s policy can allow it: allow = ["proxy"].'
        raise RefusedError("the API server's proxy is not used in read-only mode", remedy)
    if not legacy:
        _check_subresource(path, kind, sub)


def _resource(rest: list[str]) -> tuple[str, str]:
    """Return (resource, subresource) from the path segments after the API version."""
    rest = rest[1:] if rest[:1] == ["watch"] else rest
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return rest[0] if rest else "", rest[2] if len(rest) > 2 else ""


def _check_subresource(path: str, kind: str, sub: str) -> None:
    if sub not in _READABLE:
        raise RefusedError(f"GET {path} was not sent: {sub} of {kind} is never read here")


def _is_review(path: str) -> bool:
    """Exactly such a path, or one below a gateway's prefix that leads to no other API, and to no proxy."""
    review = next((known for known in _REVIEWS if path.endswith(known)), "")
    prefix = path[: len(path) - len(review)]
    inner = prefix.split("/")
    return (
        bool(review) and _PREFIX.fullmatch(prefix) is not None and not {"api", "apis", "proxy", "..", "."} & set(inner)
    )
