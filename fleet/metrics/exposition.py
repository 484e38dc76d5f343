"""A parser of the Prometheus text format that reads the needed lines and no others.

A vLLM target answers some 670 lines, of which about 130 matter, and answers the same lines each time: after a first
full pass the parser remembers at which line each needed series stands and what its line begins with, and what comes
after the last of them. As long as that and the number of lines hold, an answer costs one ``float()`` per needed line;
otherwise it starts over.

OpenMetrics is understood as far as its samples go (exemplars, timestamps in seconds, ``# EOF``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleet.metrics.problem import SourceProblem

_NAME = re.compile(rb"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)")
_LABELS = re.compile(rb'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}', re.DOTALL)
_LABEL = re.compile(rb'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)', re.DOTALL)
_VALUE = re.compile(rb"[ \t]*([^ \t#_]+)(?:[ \t]+(-?[0-9.]+(?:[eE][+-]?[0-9]+)?))?[ \t]*(?:#.*)?$", re.DOTALL)
_ESCAPE = re.compile(rb'\\([\\n"])')


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A sample's name and labels."""

    name: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one answer says about the needed series.

    ``series`` is the very same tuple as in the last answer while the layout holds, so that whoever derived something
    from it can tell with ``is``. ``values[i]`` belongs to ``series[i]``.
    """

    series: tuple[Series, ...]
    values: list[float]
    skipped: int = 0
    """Lines that are neither a sample, nor a comment, nor blank."""
    duplicates: int = 0
    """Samples of a series that came before in the same answer; the first counts, as in Prometheus."""
    oldest: float | None = None
    """Unix time of the oldest timestamp that a needed sample carries; None for none."""


class Parser:
    """The parser of one target: it remembers that target's layout.

    ``names`` are the exact sample names to read (``x_total``, ``x_bucket`` …).
    """

    __slots__ = ("_after", "_duplicates", "_lines", "_names", "_places", "_series", "_skipped", "full_passes")

    def __init__(self, names: frozenset[str]) -> None:
        self._names = frozenset(name.encode() for name in names)
        self._series: tuple[Series, ...] = ()
        self._places: tuple[tuple[int, bytes, int], ...] = ()
        self._lines = -1
        self._after: tuple[int, bytes] = (-1, b"")
        self._skipped = 0
        self._duplicates = 0
        self.full_passes = 0
        """How often the layout had to be read anew."""

    def parse(self, body: bytes, *, whole: bool = True) -> Exposition:
        """The needed samples of an answer.

        ``whole`` is False when the transport cannot tell whether the answer is complete; then a last line without its
        newline is dropped, because a number that was cut reads as a smaller number.

        Raises SourceProblem when the answer is not an exposition at all.
        """
        lines = body.split(b"\n")
        if not whole and lines[-1]:
            lines[-1] = b""
        values = self._by_layout(lines)
        if values is not None:
            return Exposition(self._series, values, self._skipped, self._duplicates)
        return self._by_reading(lines)

    def _by_layout(self, lines: list[bytes]) -> list[float] | None:
        at, after = self._after
        if len(lines) != self._lines or _beginning(lines[at]) != after:
            return None
        values: list[float] = []
        append = values.append
        try:
            for at, start, length in self._places:
                line = lines[at]
                if not line.startswith(start):
                    return None
                append(float(line[length:]))
        except ValueError:
            return None
        return values

    def _by_reading(self, lines: list[bytes]) -> Exposition:
        self.full_passes += 1
        seen: dict[tuple[bytes, tuple[tuple[str, str], ...]], None] = {}
        series: list[Series] = []
        values: list[float] = []
        places: list[tuple[int, bytes, int]] = []
        skipped = duplicates = samples = 0
        stamps: list[float] = []
        open_metrics = any(line.rstrip() == b"# EOF" for line in lines[-3:])
        plain = True
        for at, line in enumerate(lines):
            if not line or line.startswith(b"#") or line.isspace():
                continue
            name = _NAME.match(line)
            if name is None:
                if not line.startswith(b'{"'):  # a name in UTF-8, in quotes: valid, and none of ours
                    skipped += 1
                continue
            if name[1] not in self._names:
                samples += 1
                continue
            sample = _sample(line, name.end())
            if sample is None:
                skipped += 1
                continue
            samples += 1
            labels, value, stamp, start = sample
            key = (name[1], tuple(sorted(labels.items())))
            if key in seen:
                duplicates += 1
                plain = False
                continue
            seen[key] = None
            series.append(Series(name[1].decode(), labels))
            values.append(value)
            places.append((at, line[:start], start))
            if stamp is not None:
                stamps.append(stamp if open_metrics else stamp / 1000.0)
        if not samples:
            raise SourceProblem(*_not_an_exposition(lines))
        self._series = tuple(series)
        # Without a fast way for stamped samples and duplicates: they are rare, and each answer is then read in full.
        self._lines = len(lines) if plain and not stamps else -1
        self._places = tuple(places)
        following = places[-1][0] + 1 if places and places[-1][0] + 1 < len(lines) else -1
        self._after = (following, _beginning(lines[following]))
        self._skipped, self._duplicates = skipped, duplicates
        return Exposition(self._series, values, skipped, duplicates, min(stamps, default=None))


def _beginning(line: bytes) -> bytes:
    """Enough of a line to tell a series of one family from one of another: a comment whole, of a sample its name."""
    return line if line.startswith(b"#") else line.partition(b"{")[0].partition(b" ")[0]


def _sample(line: bytes, at: int) -> tuple[dict[str, str], float, float | None, int] | None:
    """Labels, value, timestamp and the index at which the value begins; None for what is no sample."""
    labels: dict[str, str] | None = {}
    while at < len(line) and line[at] in b" \t":
        at += 1
    if line[at : at + 1] == b"{":
        block = _LABELS.match(line, at)
        labels = None if block is None else _labels(block[0][1:-1])
        if block is None or labels is None:
            return None
        at = block.end()
    rest = _VALUE.match(line, at)
    if rest is None or labels is None:
        return None
    try:
        value = float(rest[1])
        stamp = None if rest[2] is None else float(rest[2])
    except ValueError:
        return None
    return labels, value, stamp, rest.start(1)


def _labels(text: bytes) -> dict[str, str] | None:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text) and not text[at:].isspace():
        label = _LABEL.match(text, at)
        if label is None:
            return None
        # An empty label is no label, as in Prometheus.
        if label[2]:
            labels[label[1].decode()] = _unescape(label[2])
        at = label.end()
    return labels


def _unescape(text: bytes) -> str:
    if b"\\" in text:
        text = _ESCAPE.sub(lambda escape: b"\n" if escape[1] == b"n" else escape[1], text)
    return text.decode("utf-8", "replace")


def _not_an_exposition(lines: list[bytes]) -> tuple[str, str]:
    head = b"\n".join(lines[:5]).lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<")):
        return "answers a web page instead of metrics", "check the port and path: is there a login page in between?"
    if head.startswith((b"{", b"[")):
        return "answers JSON instead of metrics", "check the port and path of its metrics"
    if not head.strip():
        return "answers without metrics (empty)", "check the port and path of its metrics"
    return "answers something that is not metrics", "check the port and path of its metrics"
