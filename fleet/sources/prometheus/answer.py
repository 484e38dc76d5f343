"""What the query API answers, decoded a part at a time: a vector as objects takes ten times the memory of its JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from fleet.net.bodies import MIB
from fleet.sources.problem import SourceProblem

_START, _BETWEEN = b'"result":[', b'},{"metric":'
"""What stands around the elements of a result. Neither can be inside of a string of JSON, where quotes are escaped."""
_SLICE = 256 * 1024
"""Bytes that are decoded at once."""
_ELEMENT = 4 * MIB
"""Bytes of one element of a result, and of what stands around it. The longest real one, a range of 11,000 points, has
300 kB; and without elements JSON may become thirty times its size in objects, whatever it says."""


class Answer:
    """One answer of the query API that says ``status: success``. Raises SourceProblem for anything else."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        head, self._cuts = _cut(content)
        document = _document(head)
        self._rest: Any = document["data"].get("result") if isinstance(document["data"], dict) else None
        self.warnings = tuple(str(text) for text in (document.get("warnings") or ()))
        """Thanos and Mimir say there that part of the data is missing."""
        if not isinstance(self._rest, list):
            raise not_prometheus()

    def elements(self) -> Iterator[Any]:
        """The elements of the result. Raises SourceProblem where it turns out that one of the later parts is broken."""
        yield from _decoded(self._content, self._cuts)
        yield from self._rest


def _cut(content: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The answer without most elements of its result; and the parts of the content where those are, if it is long."""
    start = content.find(_START, 0, 1024) + len(_START)
    if start < len(_START):
        return content, []
    cuts, begin = [], start
    while (end := content.find(_BETWEEN, begin + _SLICE)) >= 0:
        if end - begin > _ELEMENT:
            raise not_prometheus()
        cuts.append((begin, end + 1))
        begin = end + 2
    return (content[:start] + content[begin:] if cuts else content), cuts


def _decoded(content: bytes, cuts: Iterable[tuple[int, int]]) -> Iterator[Any]:
    for begin, end in cuts:
        try:
            elements = orjson.loads(b"[%b]" % content[begin:end])
        except orjson.JSONDecodeError:
            raise not_prometheus() from None
        yield from elements


def _document(content: bytes) -> dict[str, Any]:
    if len(content) > _ELEMENT + _SLICE:
        raise not_prometheus()
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise no_json(content) from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("status") != "success" or not isinstance(data, (dict, list)):
        raise not_prometheus()
    return document


def no_json(content: bytes) -> SourceProblem:
    """The answer of something that does not speak JSON, or not to its end."""
    return SourceProblem(
        "it answers a web page, not Prometheus' JSON"
        if content.lstrip()[:1] == b"<"
        else "its answer is not Prometheus' JSON (or broke off)",
        "check the Prometheus URL: is there a login page or another service behind it?",
    )


def not_prometheus() -> SourceProblem:
    """The answer of something else."""
    return SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL")
