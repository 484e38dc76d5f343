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


def without_managed_fields(body: bytes) -> bytes:
    """A list with those of its objects emptied that can be."""
    kept: list[bytes] = []
    at = 0
    while (begin := body.find(_BEGIN, at)) >= 0:
        begin += len(_BEGIN)
        end = body.find(_END, begin)
        if end < 0:
            break
        # Behind the last entry's own bracket.
        end += 1
        if any(body.find(key, begin, end) >= 0 for key in _OTHERS):
            kept.append(body[at:begin])
            at = begin
            continue
        kept.append(body[at:begin])
        at = end
    return b"".join([*kept, body[at:]]) if kept else body
