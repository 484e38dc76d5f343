"""Takes ``managedFields`` out of a list before it is decoded.

They say which manager wrote which field, nobody here reads them in a list, and no server leaves them away when asked:
of a real pod they are a third to a half of the text and most of the objects that are made of it.

An API server writes an object as its Go type says, without blanks: they are the last of ``metadata``, and ``spec`` is
next. A quote before a name opens a key, since no string has one that is not escaped; so the two keys below are where
they seem to be. What lies between them is managedFields and no more as long as it has no ``metadata`` and no ``uid``:
every object has both before them, and theirs are ``f:metadata`` and ``f:uid``. Whatever is written otherwise (another
order, blanks) is left as it is.
"""

from __future__ import annotations

_BEGIN = b'"managedFields":['
_END = b'}]},"spec":'
_OTHERS = (b'"metadata":', b'"uid":')


class _Next:
    """The next place of a text. The body is gone through once, however often and from where on that is asked."""

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
    """A list with those of its objects emptied that can be."""
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
        # Behind the last entry's own bracket.
        at = end + 1 if whole else begin
    return b"".join([*kept, body[at:]]) if kept else body
