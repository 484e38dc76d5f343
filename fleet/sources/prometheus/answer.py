"""Answers of the query API, decoded a part at a time: a vector as objects takes ten times the memory of its JSON."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson

from fleet.model.problem import SourceProblem
from fleet.net.bodies import MIB

_START, _END = b'"result":[', b"]}]"
"""Marks before and behind the elements of a result."""
_METRIC, _VALUE = b'{"metric":{', b'},"value":['
_BETWEEN = b'"]},' + _METRIC
"""Mark between the value of one element of a vector and the labels of the next. Like the others it cannot be inside a
string of JSON, where quotes are escaped."""
_NEXT = b'},{"metric":'
_SLICE = 256 * 1024
"""Bytes that are decoded at once."""
_ENDS = 16
"""Places that are taken for the end of a result, from the last one on, before it is decoded as a whole."""
_ELEMENT = 4 * MIB
"""Largest size in bytes of one element of a result, and of the text around the elements. The longest real one, a range
of 11,000 points, has 300 kB; and JSON without elements may take thirty times its size as objects.
"""


class Answer:
    """One answer of the query API with ``status: success``. Raises SourceProblem for anything else."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._start, self._stop, document = _taken_apart(content)
        self._rest: Any = document["data"].get("result") if isinstance(document["data"], dict) else None
        self.warnings = tuple(str(text) for text in (document.get("warnings") or ()))
        """Warnings of the store: Thanos and Mimir report missing data here."""
        if not isinstance(self._rest, list):
            raise not_prometheus()

    def elements(self) -> Iterator[Any]:
        """The elements of the result. Raises SourceProblem where it turns out that one of them is broken."""
        begin = self._start
        while begin < self._stop:
            cut = self._content.find(_NEXT, begin + _SLICE, self._stop)
            end = cut + 1 if cut >= 0 else self._stop
            if end - begin > _ELEMENT:
                raise not_prometheus()
            try:
                elements = orjson.loads(b"[%b]" % self._content[begin:end])
            except orjson.JSONDecodeError:
                raise not_prometheus() from None
            yield from elements
            begin = end + 1
        yield from self._rest

    def release(self) -> None:
        """Part from the text, which has been read."""
        self._content, self._start, self._stop, self._rest = b"", 0, 0, []

    def texts(self) -> Iterator[tuple[list[bytes], list[bytes]]]:
        """Yield the labels and numbers of a vector's elements as written, some at a time.

        All elements have the same time, so that the text between labels and number is constant. If it is not, their
        number differs from ``elements``.
        """
        content, begin, end = self._content, self._start + len(_METRIC), self._stop - len(b'"]}')
        at = content.find(_VALUE, begin, end)
        if at < 0:
            return
        stamped = content[at : content.find(b",", at + len(_VALUE), end)] + b',"'
        while begin < end:
            cut = content.find(_BETWEEN, begin + _SLICE, end)
            part = content[begin : cut if cut >= 0 else end]
            pieces = part.replace(stamped, _BETWEEN).split(_BETWEEN)
            yield pieces[::2], pieces[1::2]
            begin += len(part) + len(_BETWEEN)


def _taken_apart(content: bytes) -> tuple[int, int, dict[str, Any]]:
    """Return where the elements of a result begin and end, and the document without them.

    A warning may contain what looks like that end (a store's error as JSON): then the document is broken.
    """
    for start, stop in _spans(content):
        with suppress(orjson.JSONDecodeError):
            return start, stop, _document(content[:start] + content[stop:])
    raise no_json(content)


def _spans(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the elements may begin and end, at least one place; none if the answer must be decoded as a whole."""
    start = content.find(_START, 0, 1024) + len(_START)
    if start < len(_START) or not content.startswith(_METRIC[:-1], start):
        yield 0, 0
        return
    stop = len(content)
    for _ in range(_ENDS):
        found = content.rfind(_END, start, stop)
        if found < 0:
            break
        yield start, found + len(_END) - 1
        # Overlapping ones too.
        stop = found + len(_END) - 1
    yield 0, 0


def _document(content: bytes) -> dict[str, Any]:
    """Raises orjson.JSONDecodeError if it is not JSON."""
    if len(content) > _ELEMENT + _SLICE:
        raise not_prometheus()
    document = orjson.loads(content)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("status") != "success" or not isinstance(data, (dict, list)):
        raise not_prometheus()
    return document


def no_json(content: bytes) -> SourceProblem:
    """Return the error for an answer that is not JSON, or truncated."""
    return SourceProblem(
        "it returns a web page, not Prometheus' JSON"
        if content.lstrip()[:1] == b"<"
        else "its answer is not Prometheus' JSON (or broke off)",
        "check the Prometheus URL: is it a login page or another service?",
    )


def not_prometheus() -> SourceProblem:
    """The answer of something else."""
    return SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL")
