"""The plain form of a URL: the one spelling that every party on the way understands alike.

Clients, proxies and servers each resolve dot segments, decode escapes and merge slashes in their own way, so a path
that leaves anything to resolve cannot be judged by its text. Such a URL is refused, not interpreted: what is judged is
then, byte for byte, what is sent. Grammar: RFC 3986, appendix A, less what has two readings.
"""

from __future__ import annotations

import re
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final, NamedTuple
from urllib.parse import quote

_ORIGIN: Final = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._-]+)?\])(?::[0-9]{1,5})?")
"""Scheme and authority, without user and password."""
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,=:@%-]+)*/?")
"""Segments that are not empty; a semicolon would begin parameters that some servers cut off."""
_QUERY: Final = re.compile(r"[!-\"$-\[\]-~]*")
"""Printable ASCII but the number sign, which begins a fragment, and the backslash."""
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})?")
_UNRESERVED: Final = ascii_letters + digits + "-._~"
_MISREAD: Final = frozenset((_UNRESERVED + "/\\%?#;").encode()) | frozenset(range(0x20)) | {0x7F}
"""Bytes whose escape is another spelling of the same, changes the meaning, or breaks a line once decoded."""


class Plain(NamedTuple):
    """The parts of a URL in its plain form."""

    origin: str
    """Scheme and authority; empty for a path alone."""
    path: str


def plain(url: str) -> Plain:
    """Return the parts of a URL, or of a path without one. Raises ValueError, which says what is not plain about it."""
    place, _, query = url.partition("?")
    found = _without_query(place)
    if _QUERY.fullmatch(query) is None:
        raise ValueError("its query has characters that have to be escaped")
    return found


# Of a query nothing is remembered: each has another time or version in it, and some are pages long.
@lru_cache(maxsize=8192)
def _without_query(url: str) -> Plain:
    origin, path = "", url
    if not url.startswith("/"):
        match = _ORIGIN.match(url)
        if match is None:
            raise ValueError("it does not begin with http:// or https:// and the name of a host")
        origin, path = match[0], url[match.end() :]
    trouble = _trouble(path)
    if trouble:
        raise ValueError(trouble)
    return Plain(origin, path)


def plain_path(text: str) -> str:
    """Return a user's path in its plain form; the leading slash may be missing.

    Raises ValueError if it is anything else: another host, a query, dot segments, escapes, an empty segment.
    """
    path = text if text.startswith("/") else f"/{text}"
    trouble = _trouble(path)
    # Metrics paths need no characters that must be escaped.
    if trouble or "%" in path or "@" in path:
        raise ValueError(trouble or "it has characters that no path of metrics needs")
    return path


def segment(name: str) -> str:
    """Return a name as one path segment, whatever its characters. Raises ValueError for dots alone, which no escape
    preserves.
    """
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} is not a name")
    return quote(name, safe=":")


def _trouble(path: str) -> str:
    """Return what is not plain about a path; empty if it is plain."""
    if path and not path.startswith("/"):
        return "its path does not begin with a slash"
    if _PATH.fullmatch(path) is None:
        return "its path has an empty segment, or characters that have to be escaped"
    if any(part in (".", "..") for part in path.split("/")):
        return "its path has dot segments"
    for escape in _ESCAPE.finditer(path):
        if escape[1] is None or int(escape[1], 16) in _MISREAD:
            return "its path has escapes that can be read in more than one way"
    return ""
