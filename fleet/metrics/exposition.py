"""A parser of the Prometheus text format that reads the needed lines and no others.

A vLLM target answers some 670 lines, of which about 130 matter, and the same lines each time: after a first full pass
the parser remembers the line number and prefix of each needed series, and what follows the last of them. While these
and the number of lines hold, an answer costs one ``float()`` per needed line; otherwise it starts over.

OpenMetrics is understood as far as its samples go (exemplars, timestamps in seconds, ``# EOF``).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from sys import intern

from fleet.dataclass import dataclass
from fleet.model.problem import SourceProblem

_NAME = re.compile(rb"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)")
_QUOTED = re.compile(rb'[ \t]*\{[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*[,}]', re.DOTALL)
"""A name that other characters are in, UTF-8 as Prometheus 3 has it: in braces, before the labels.
JSON has neither comma nor brace there."""
_LABELS = re.compile(rb'\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}', re.DOTALL)
_LABEL = re.compile(rb'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)', re.DOTALL)
_VALUE = re.compile(rb"[ \t]*([^ \t#_]+)(?:[ \t]+(-?[0-9.]+(?:[eE][+-]?[0-9]+)?))?[ \t\r]*(?:#.*)?$", re.DOTALL)
_ESCAPE = re.compile(rb'\\([\\n"])')


_SHOWN = 5
"""Lines checked to recognise an answer that is not an exposition."""
_LONGEST_LINE = 65536
"""Bytes; vLLM's longest (its configuration) has about 1,200."""


_LARGE = 4 * 2**20
"""Size in bytes from which the needed lines are extracted first: as Python objects, lines of a few bytes take twenty
times their size.
"""
_MOST_LINES = 1_000_000
"""Lines of one answer: a page of 22 MB has some 200,000."""
_MOST_SERIES = 50_000
"""Needed series of one answer: a data-parallel vLLM has some 130 per rank, a node's GPU exporter 40 per GPU."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleSeries:
    """A sample's name and labels."""

    name: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Exposition:
    """The needed series of one answer.

    ``series`` is the same tuple as in the last answer while the layout holds, so that derived values can be kept by
    identity (``is``). ``values[i]`` belongs to ``series[i]``.
    """

    series: tuple[SampleSeries, ...]
    values: list[float]
    skipped: int = 0
    """Lines that are neither a sample, nor a comment, nor blank."""
    duplicates: int = 0
    """Samples of a series that came before in the same answer; the first counts, as in Prometheus."""
    oldest: float | None = None
    """Unix time of the oldest timestamp that a needed sample carries; None for none."""


@dataclass(frozen=True, slots=True)
class PageLayout:
    """The places of the needed series in an answer, for reading the next one without scanning the rest."""

    series: tuple[SampleSeries, ...]
    places: tuple[int, ...]
    """The line of each series."""
    starts: tuple[bytes, ...]
    """The text before the value in that line."""
    lines: int
    after: tuple[int, bytes]
    """The line after the last needed one, and its prefix: a family that grew would show there."""
    skipped: int
    duplicates: int
    started: int
    """Bytes of all ``starts``."""
    pick: Callable[[list[bytes]], Sequence[bytes]]
    """Returns the lines at ``places``."""

    def read(self, lines: list[bytes]) -> list[float] | None:
        """The values, None where the answer does not have this layout."""
        at, after = self.after
        if len(lines) != self.lines or _beginning(lines[at]) != after:
            return None
        needed = self.pick(lines)
        if needed and not needed[0].startswith(self.starts[0]):
            return None
        texts = list(map(bytes.removeprefix, needed, self.starts))
        # A line that does not start so is still whole: what all have lost shows it, without a look at each.
        if sum(map(len, needed)) - sum(map(len, texts)) != self.started:
            return None
        try:
            return list(map(float, texts))
        except ValueError:
            return None


class Layouts:
    """Layouts that the targets of a fleet share: processes of one release and model answer the same lines."""

    _KEPT = 32

    def __init__(self) -> None:
        self._by_lines: dict[int, deque[PageLayout]] = {}

    def for_length(self, lines: int) -> Iterable[PageLayout]:
        """Return the layouts for answers of so many lines, the latest first."""
        return tuple(self._by_lines.get(lines, ()))

    def add(self, layout: PageLayout) -> None:
        """Remember one."""
        self._by_lines.setdefault(layout.lines, deque(maxlen=self._KEPT)).appendleft(layout)
        if len(self._by_lines) > self._KEPT:
            del self._by_lines[next(iter(self._by_lines))]


class ExpositionParser:
    """The parser of one target: it remembers that target's layout.

    ``names`` are the exact sample names to read (``x_total``, ``x_bucket`` …).
    """

    __slots__ = ("_layout", "_names", "_shared", "full_passes")

    def __init__(self, names: frozenset[bytes], shared: Layouts | None = None) -> None:
        self._names = names
        self._shared = shared or Layouts()
        self._layout: PageLayout | None = None
        self.full_passes = 0
        """Number of answers that had to be read line by line."""

    def parse(self, body: bytes, *, whole: bool = True) -> Exposition:
        """Return the needed samples of an answer.

        ``whole`` is False if the transport cannot tell whether the answer is complete; then a last line without its
        newline is dropped, because a truncated number reads as a smaller number.

        Raises SourceProblem if the answer is not an exposition.
        """
        lines = self._picked(body) if len(body) > _LARGE else body.split(b"\n")
        if not whole and lines[-1]:
            lines[-1] = b""
        own = self._layout
        for layout in (own, *self._shared.for_length(len(lines))) if own else self._shared.for_length(len(lines)):
            values = layout.read(lines)
            if values is not None:
                self._layout = layout
                return Exposition(layout.series, values, layout.skipped, layout.duplicates)
        return self._by_reading(lines)

    def _picked(self, body: bytes) -> list[bytes]:
        """Return the first lines of a large answer, the needed ones, and the last.

        Raises SourceProblem if more are needed than an engine or exporter can have.
        """
        if body.count(b"\n") > _MOST_LINES:
            raise _too_many(_MOST_LINES, "lines")
        picked: list[bytes] = []
        begin, end = 0, body.find(b"\n")
        while end >= 0:
            name = _NAME.match(body, begin, end)
            needed = name[1] in self._names if name is not None else body.startswith(b"# EOF", begin)
            if needed or len(picked) < _SHOWN:
                picked.append(body[begin : min(end, begin + _LONGEST_LINE + 1)])
                if len(picked) > _MOST_SERIES:
                    raise _too_many(_MOST_SERIES, "series of engines and GPUs")
            begin, end = end + 1, body.find(b"\n", end + 1)
        picked.append(body[begin : begin + _LONGEST_LINE + 1])
        return picked

    def _by_reading(self, lines: list[bytes]) -> Exposition:
        self.full_passes += 1
        seen: set[tuple[bytes, tuple[tuple[str, str], ...]]] = set()
        series: list[SampleSeries] = []
        values: list[float] = []
        places: list[tuple[int, bytes]] = []
        skipped = duplicates = samples = 0
        stamps: list[float] = []
        # An exporter repeats the labels of a GPU with each number: they are parsed and kept once.
        blocks: dict[bytes, dict[str, str] | None] = {}
        for at, line in enumerate(lines):
            if not line or line.startswith(b"#") or line.isspace():
                continue
            name = _NAME.match(line)
            if name is None:
                if _QUOTED.match(line) is None:
                    skipped += 1
                else:
                    samples += 1  # not a metric that is read
                continue
            if name[1] not in self._names:
                samples += 1
                continue
            sample = _sample(line, name.end(), blocks) if len(line) <= _LONGEST_LINE else None
            if sample is None:
                skipped += 1
                continue
            samples += 1
            labels, value, stamp, start = sample
            key = (name[1], tuple(sorted(labels.items())))
            if key in seen:
                duplicates += 1
                continue
            seen.add(key)
            if len(seen) > _MOST_SERIES:
                raise _too_many(_MOST_SERIES, "series of engines and GPUs")
            series.append(SampleSeries(intern(name[1].decode()), labels))
            values.append(value)
            places.append((at, line[:start]))
            if stamp is not None:
                stamps.append(stamp)
        if not samples:
            raise SourceProblem(*_not_an_exposition(lines))
        layout = _layout(series, places, lines, skipped, duplicates)
        # No fast path for samples with timestamps and duplicates: they are rare, and the answer is then parsed in full.
        self._layout = None if stamps or duplicates else layout
        if self._layout is not None:
            self._shared.add(layout)
        seconds = 1.0 if any(line.rstrip() == b"# EOF" for line in lines[-3:]) else 0.001
        oldest = min(stamps) * seconds if stamps else None
        return Exposition(layout.series, values, skipped, duplicates, oldest)


def _layout(
    series: list[SampleSeries], places: list[tuple[int, bytes]], lines: list[bytes], skipped: int, duplicates: int
) -> PageLayout:
    last = places[-1][0] + 1 if places else len(lines)
    following = last if last < len(lines) else -1
    after = (following, _beginning(lines[following]))
    at, starts = tuple(line for line, _ in places), tuple(start for _, start in places)
    started = sum(map(len, starts))
    return PageLayout(tuple(series), at, starts, len(lines), after, skipped, duplicates, started, _picker(at))


def _picker(places: Sequence[int]) -> Callable[[list[bytes]], Sequence[bytes]]:
    """Return a function that returns the lines at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda lines: [lines[at] for at in places]


def _beginning(line: bytes) -> bytes:
    """Return enough of a line to distinguish its family from another: a whole comment, or the name of a sample."""
    return line if line.startswith(b"#") else line.partition(b"{")[0].partition(b" ")[0]


def _sample(
    line: bytes, at: int, blocks: dict[bytes, dict[str, str] | None]
) -> tuple[dict[str, str], float, float | None, int] | None:
    """Return labels, value, timestamp and the index at which the value begins; None if the line is not a sample.

    ``blocks`` caches parsed labels by their text.
    """
    labels: dict[str, str] | None = {}
    while at < len(line) and line[at] in b" \t":
        at += 1
    if line[at : at + 1] == b"{":
        block = _LABELS.match(line, at)
        if block is None:
            return None
        if block[0] not in blocks:
            blocks[block[0]] = _labels(block[0][1:-1])
        labels = blocks[block[0]]
        if labels is None:
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
        # An empty label equals a missing one, as in Prometheus.
        if label[2]:
            labels[intern(label[1].decode())] = intern(_unescape(label[2]))
        at = label.end()
    return labels


def _unescape(text: bytes) -> str:
    if b"\\" in text:
        text = _ESCAPE.sub(lambda escape: b"\n" if escape[1] == b"n" else escape[1], text)
    return text.decode("utf-8", "replace")


def _too_many(most: int, what: str) -> SourceProblem:
    return SourceProblem(f"answers more than {most:,} {what}", "check the port and path: no engine has so many")


def _not_an_exposition(lines: list[bytes]) -> tuple[str, str]:
    head = b"\n".join(lines[:_SHOWN]).lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<")):
        return "answers a web page instead of metrics", "check the port and path: is there a login page in front of it?"
    if head.startswith((b"{", b"[")):
        return "answers JSON instead of metrics", "check the port and path of its metrics"
    if not head.strip():
        return "answers without metrics (empty)", "check the port and path of its metrics"
    return "answers something that is not metrics", "check the port and path of its metrics"


_NAMES_LOOKED_AT = 2000


def metric_names(body: bytes) -> tuple[str, ...]:
    """The names of the samples of an answer, each once and in their order, the first 2,000 lines' of them."""
    names: dict[str, None] = {}
    lines = (line for line in body.splitlines() if line and not line.startswith(b"#"))
    for line in islice(lines, _NAMES_LOOKED_AT):
        if (name := _NAME.match(line) or _QUOTED.match(line)) is not None:
            names[name[1].decode("utf-8", "replace")] = None
    return tuple(names)
