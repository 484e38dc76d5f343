"""The one door to the outside: what each HTTP client asks before a request reaches a socket.

Every client is made with a guard. ``reads_only`` is the default, and all that the rooms below the actions ever use, in
read-write mode as well: what observes cannot change anything. ``may_change`` is for the one client of the actions,
``may_ask`` for the one that puts a person's prompts to an engine.

The latch is for the whole process. ``shut`` is called as soon as the settings say read-only, before any client exists;
nothing opens it again, and a shut door refuses changes whichever guard a client was made with, and processes that
anybody would start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from itertools import pairwise
from posixpath import normpath
from typing import Final
from urllib.parse import unquote, urlsplit

Guard = Callable[[str, str], None]
"""Called with method and URL of each request; refuses by raising RefusedError."""

READ_ONLY: Final = "this is read-only: nothing that changes a cluster or starts a process is let through"
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
"""POSTs that ask the server about ourselves, and change nothing."""
_PROMPTS: Final = frozenset({"/v1/chat/completions", "/v1/completions"})
"""POSTs that make an engine answer a prompt, as OpenAI's API has them; nothing stands before them, no proxy either."""
_CONNECTS: Final = frozenset({"exec", "attach", "portforward"})
"""Subresources of pods that act although they may be opened with GET."""
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*")
"""What may stand before the API's own paths: a gateway's path to the cluster."""

_allowed: frozenset[str] | None = None
"""None while the door is open for changes; else what a shut one lets through all the same (LOGS, PROXY)."""


class RefusedError(Exception):
    """A request that was not sent. The text says what, and why."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


def shut(allow: Collection[str] = ()) -> None:
    """Read-only from now on, for good. ``allow``: LOGS and PROXY, where the site's policy does; only ever narrowed."""
    global _allowed
    _allowed = frozenset(allow) if _allowed is None else _allowed & frozenset(allow)


def is_shut() -> bool:
    """Whether this process is read-only."""
    return _allowed is not None


def lets(what: str) -> bool:
    """Whether LOGS or PROXY may be read."""
    return _allowed is None or what in _allowed


def reads_only(method: str, url: str) -> None:
    """Let GET, HEAD and the selfsubject reviews through. Raises RefusedError for everything else."""
    path = urlsplit(url).path
    if method in _READS:
        _check_read(path)
    elif method != "POST" or not _is_review(path):
        raise RefusedError(f"{method} {path} was not sent: only what reads is let through here")


def may_change(method: str, url: str) -> None:
    """Let changes through, unless this process is read-only. Raises RefusedError."""
    if is_shut():
        reads_only(method, url)


def may_ask(method: str, url: str) -> None:
    """Let reads and prompts through; no prompt in read-only mode, since it makes a GPU work. Raises RefusedError."""
    path = urlsplit(url).path
    # Exactly such a path, as with the reviews: what lets something through compares what is written.
    if method != "POST" or path not in _PROMPTS:
        reads_only(method, url)
    elif is_shut():
        raise RefusedError("the prompt was not sent: this is read-only, and a prompt makes a GPU work")


def may_start(what: str) -> None:
    """Before a process is started that is not part of reading. Raises RefusedError in read-only mode."""
    if is_shut():
        raise RefusedError(f"{what} was not started: {READ_ONLY}")


def _check_read(path: str) -> None:
    """Raise RefusedError for reads of the API that are none, or that are their own permission.

    Every way of writing a path is looked at as the one path that it is.
    """
    parts = _parts(path)
    for at, (one, two) in enumerate(pairwise(parts)):
        # Wherever the API begins: gateways put paths of their own before it.
        if (one, two) == ("api", "v1"):
            _check_resource(path, parts[at + 2 :])


def _check_resource(path: str, rest: list[str]) -> None:
    rest = rest[1:] if rest[:1] == ["watch"] else rest
    legacy = rest[:1] == ["proxy"]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    kind, sub = rest[0] if rest else "", rest[2] if len(rest) > 2 else ""
    if kind == "secrets":
        raise RefusedError("secrets are never read", "Use kubectl, knowingly.")
    if kind == "pods" and sub in _CONNECTS:
        raise RefusedError(f"GET {path} was not sent: {sub} acts on a pod")
    if kind == "pods" and sub == "log" and not lets(LOGS):
        raise RefusedError("logs are not read in read-only mode", 'The site\'s policy can allow it: allow = ["logs"].')
    if (sub == "proxy" or legacy) and not lets(PROXY):
        remedy = 'The site\'s policy can allow it: allow = ["proxy"].'
        raise RefusedError("the API server's proxy is not used in read-only mode", remedy)


def _parts(path: str) -> list[str]:
    """The segments of a path as a server may come to understand them: decoded, without dots, in small letters."""
    while (plain := unquote(path)) != path:
        path = plain
    return [part for part in normpath(path).lower().split("/") if part]


def _is_review(path: str) -> bool:
    """Exactly such a path, or one below a gateway's prefix that leads to no other API, and to no proxy."""
    review = next((known for known in _REVIEWS if path.endswith(known)), "")
    prefix = path[: len(path) - len(review)]
    inner = prefix.split("/")
    return (
        bool(review) and _PREFIX.fullmatch(prefix) is not None and not {"api", "apis", "proxy", "..", "."} & set(inner)
    )
