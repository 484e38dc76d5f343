"""Removal of ``managedFields`` from a list before it is decoded.

They record which manager wrote which field; nothing here reads them in a list, and no server omits them on request: for
a real pod they are a third to a half of the text and most of the decoded objects.

An API server serialises an object as its Go type says, without blanks: they are the last field of ``metadata``, and
``spec`` is next. A quote before a name opens a key, since quotes inside strings are escaped; so the two keys below are
real keys. The text between them is exactly managedFields if it contains no ``metadata`` and no ``uid``: every object
has both before them, and theirs are ``f:metadata`` and ``f:uid``. Text in any other form (another order, blanks) is
left unchanged.
"""

from __future__ import annotations

_BEGIN = b'"managedFields":['
_END = b'}]},"spec":'
_OTHERS = (b'"metadata":', b'"uid":')


class _Next:
    """The next occurrence of a text. The body is scanned once, however often and from wherever this is called."""

    def __init__(self, body: bytes, text: bytes) -> None:
        self._body = body
        self._text = text
        self._at = -1

    def find_from(self, begin: int) -> int:
        """Return the next place from ``begin`` on, which only grows; the length of the body for none."""
        if self._at < begin:
            found = self._body.find(self._text, begin)
            self._at = found if found >= 0 else len(self._body)
        return self._at


def without_managed_fields(body: bytes) -> bytes:
    """Return a list in which managedFields were emptied where that is safe."""
    ends, others = _Next(body, _END), [_Next(body, key) for key in _OTHERS]
    kept: list[bytes] = []
    at = 0
    while (begin := body.find(_BEGIN, at)) >= 0:
        begin += len(_BEGIN)
        end = ends.find_from(begin)
        if end == len(body):
            break
        kept.append(body[at:begin])
        whole = all(other.find_from(begin) > end for other in others)
        # After the last entry's closing bracket.
        at = end + 1 if whole else begin
    return b"".join([*kept, body[at:]]) if kept else body
