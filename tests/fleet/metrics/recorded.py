"""Recorded answers of real programs, read without any code of the product: the reference for our numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from fleet.model.measurement import Measurement
from tests.conftest import RECORDINGS
from tests.fleet.metrics.rig import Rig

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Page:
    """One answer."""

    def __init__(self, text: str) -> None:
        self.text = text
        found = (_LINE.match(line) for line in text.splitlines() if not line.startswith("#"))
        self.samples = [(m[1], dict(_LABEL.findall(m[2] or "")), float(m[3])) for m in found if m is not None]

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name whose labels match these patterns; raises AssertionError for none."""
        found = [value for _, value in self._of(name, labels)]
        assert found, f"nothing is called {name} {labels}"
        return sum(found)

    def buckets(self, name: str, **labels: str) -> dict[float, float]:
        """Upper bound → cumulative count, over all histograms of a name with these labels."""
        found: dict[float, float] = defaultdict(float)
        for own, value in self._of(f"{name}_bucket", labels):
            found[float(own["le"])] += value
        assert found, f"no histogram is called {name} {labels}"
        return dict(sorted(found.items()))

    def _of(self, name: str, labels: dict[str, str]) -> list[tuple[dict[str, str], float]]:
        return [
            (own, value)
            for called, own, value in self.samples
            if called == name and all(re.fullmatch(text, own.get(label, "")) for label, text in labels.items())
        ]


def read(program: str, name: str) -> Page:
    """One answer of a recording."""
    return Page((RECORDINGS / "engines" / program / name).read_text())


def seconds_between(program: str) -> float:
    """Return the time between metrics-under-load-1 and -2."""
    text = (Path(RECORDINGS) / "engines" / program / "between.txt").read_text()
    return float(text.split()[1])


async def replay(*pages: Page | str, seconds: float = 10.0) -> Measurement:
    """Scrape these answers one after the other."""
    rig = Rig()
    for page in pages:
        measurement = await rig.tick({"p": page if isinstance(page, str) else page.text}, after=seconds)
    return measurement


def percentile(q: float, before: dict[float, float], after: dict[float, float]) -> float:
    """Return a percentile of the observations between two answers, as Prometheus does: linear inside a bucket."""
    counts = [after[edge] - before.get(edge, 0.0) for edge in after]
    edges = list(after)
    rank = q * counts[-1]
    at = next(i for i, count in enumerate(counts) if count >= rank)
    if edges[at] == float("inf"):
        return edges[at - 1]
    low, below = (0.0, 0.0) if at == 0 else (edges[at - 1], counts[at - 1])
    return low + (edges[at] - low) * (rank - below) / (counts[at] - below)
