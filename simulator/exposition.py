"""/metrics pages made of templates, which are such pages with `$name` placeholders.

Within labels they are filled in once, when the page is laid out; values at every scrape. A value is a number, a
`Histogram`, or several of either by their labels; `$name[10]` is a histogram whose buckets end at 10.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from string import Template

from simulator.data import text
from simulator.stats import Histogram

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"

Value = float | Histogram
Readings = Mapping[str, Value | Mapping[str, Value]]

_SAMPLE = re.compile(r"[\w:]+(?:\{(?P<labels>.*)\})? (?:\$(?P<key>\w+)(?:\[(?P<limit>.+)\])?|(?P<fixed>\S+))")
_LABEL = re.compile(r'\w+="(?:[^"\\]|\\.)*"')


def number(value: float) -> str:
    """A sample value as prometheus_client prints it: `120.0`, `1.79e+09`, `+Inf`."""
    if value == math.inf:
        return "+Inf"
    written = repr(float(value))
    dot = written.find(".")
    if value > 0 and dot > 6:
        mantissa = f"{written[0]}.{written[1:dot]}{written[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return written


@lru_cache(maxsize=256)
def page(name: str, created: float | None, **facts: str) -> Page:
    """The page of a template; servers that started together share it."""
    return Page(text(name), created, facts)


class Page:
    """Everything of a page but its numbers.

    With `created` (unix seconds), counters, histograms and summaries are followed by the `_created` family that
    prometheus_client gives them.
    """

    def __init__(self, template: str, created: float | None, facts: Mapping[str, str]) -> None:
        escaped = {
            key: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for key, value in facts.items()
        }
        families = re.split(r"^(?=# HELP )", template, flags=re.MULTILINE)[1:]
        self._families = [_Family(family, created, escaped) for family in families]

    def render(self, readings: Readings, share: float = 1.0) -> str:
        """Return the page with these numbers; counters are multiplied by ``share``. Raises KeyError if one is
        missing.
        """
        return "".join([family.render(readings, share) for family in self._families])


class _Family:
    def __init__(self, template: str, created: float | None, facts: Mapping[str, str]) -> None:
        about, typed, *samples = template.splitlines()
        _, _, self._name, self._kind = typed.split(" ")
        self._head = f"{about}\n{typed}\n"
        self._help = about.split(" ", 3)[3]
        self._created = None if self._kind == "gauge" else created
        self._samples: list[tuple[str, str, str, float]] = []
        for line in samples:
            found = _SAMPLE.fullmatch(line)
            if found is None:
                raise ValueError(f"not a sample: {line}")
            labels = Template(found["labels"] or "").substitute(facts)
            self._samples.append((labels, found["key"], found["fixed"], float(found["limit"] or math.inf)))
        # Constant parts are made once: there are thousands of lines, and large fleets.
        self._names: dict[tuple[str, tuple[float, ...]], list[str]] = {}
        self._tails: dict[tuple[str, ...], str] = {}

    def render(self, readings: Readings, share: float) -> str:
        parts, seen = [self._head], []
        share = 1.0 if self._kind == "gauge" else share
        for labels, key, fixed, limit in self._samples:
            reading = readings[key] if key else 0.0
            for own, value in reading.items() if isinstance(reading, Mapping) else ((labels, reading),):
                seen.append(own)
                if isinstance(value, Histogram):
                    parts += self._histogram(own, value, limit, share)
                else:
                    parts.append(f"{series(self._name, own)} {fixed or number(value * share)}\n")
        if self._created is not None:
            parts.append(self._tails.get(tuple(seen)) or self._tail(seen, number(self._created)))
        return "".join(parts)

    def _histogram(self, labels: str, value: Histogram, limit: float, share: float) -> list[str]:
        """The lines of a histogram, or of a summary, which has no buckets."""
        shown = [edge for edge in value.edges if edge <= limit]
        names = self._names.get((labels, value.edges))
        if names is None:
            pieces = _LABEL.findall(labels)
            names = [
                series(f"{self._name}_bucket", ",".join(sorted((*pieces, f'le="{number(edge)}"'))))
                for edge in (*shown, math.inf)
                if self._kind == "histogram"
            ]
            names += [series(f"{self._name}_{part}", labels) for part in ("count", "sum")]
            self._names[labels, value.edges] = names
        below = list(accumulate(value.counts))[: len(shown)] if self._kind == "histogram" else []
        values = (*below, *[value.count] * (len(names) - len(below) - 1), value.sum)
        return [f"{name} {number(sample * share)}\n" for name, sample in zip(names, values, strict=True)]

    def _tail(self, seen: Sequence[str], created: str) -> str:
        name = (self._name.removesuffix("_total") if self._kind == "counter" else self._name) + "_created"
        lines = [f"{series(name, labels)} {created}\n" for labels in seen]
        tail = f"# HELP {name} {self._help}\n# TYPE {name} gauge\n" + "".join(lines)
        return self._tails.setdefault(tuple(seen), tail)


def series(name: str, labels: str) -> str:
    """A series' name with its labels, if it has any."""
    return f"{name}{{{labels}}}" if labels else name
