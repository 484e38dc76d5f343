"""``python -m tests.benchmarks growth``: what everything costs at 100, 1,000, 5,000 and 10,000 pods, and how it grows.

The exponent k says that a cost grows like pods^k: it is the slope of the cost's logarithm on that of the size. What
depends on the page that is on the screen and not on the fleet has 0. What every size pays alike flattens it, so that
between the last two sizes stands beside it. A second table has several clusters of a thousand pods each, observed at
once. A program of its own, because it takes as long as all other benchmarks together; its numbers have no budget.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from tests.benchmarks import document
from tests.benchmarks.effort import Effort
from tests.benchmarks.probe import KEYS, TIMES, Costs
from tests.benchmarks.regression import exponent
from tests.benchmarks.result import CannotMeasureError, number
from tests.benchmarks.several import ClusterCosts
from tests.benchmarks.stage import ROOT, fleet_server, prometheus_of, scraped_twice

C = TypeVar("C", Costs, ClusterCosts)

NAME = "growth"
PODS = (100, 1_000, 5_000, 10_000)
CLUSTERS = (1, 2, 4)
PODS_OF_EACH = 1_000
"""Pods of a cluster where there are several."""
PODS_PER_SECOND = 150.0
"""Pods that Prometheus scrapes per second here: the more there are, the less often each is scraped."""
TIMEOUT = 600.0
_SERVE, _PROBE, _PER_POD = 3.0, 20.0, 0.006
"""Seconds that a fleet's server and a probe take, and a probe for each pod: for the plan."""


@dataclass(frozen=True, slots=True)
class Row:
    """One cost: a field of ``Costs`` or ``ClusterCosts``."""

    field: str
    what: str
    unit: str = "ms"


ROWS = (
    Row("first_sync", "first sync: CPU"),
    Row("unchanged", "tick, nothing changed: CPU"),
    Row("unchanged_screen", "– of it the screen"),
    Row("one_pod", "tick, one pod changed: CPU"),
    Row("one_pod_screen", "– of it the screen"),
    Row("new_numbers", "tick after a measurement, every number changed: CPU"),
    Row("new_numbers_screen", "– of it the screen"),
    Row("asked", "measurement through Prometheus: CPU"),
    Row("scraped", "measurement by scraping every engine: CPU"),
    Row("ordered", "order by a column: CPU"),
    Row("key_to_paint", "key to paint, 99th percentile"),
    Row("rss", "resident set with the fleet on the screen", "MiB"),
)

ROWS_OF_CLUSTERS = (
    Row("first_sync", "first sync of all: CPU"),
    Row("unchanged", "tick of all, nothing changed: CPU"),
    Row("new_numbers", "tick of all after a measurement, every number changed: CPU"),
    Row("scraped", "measurement of all by scraping every engine: CPU"),
    Row("rss", "resident set", "MiB"),
)

Measured = Mapping[int, Sequence[Costs | ClusterCosts]]
"""Pods, or clusters → the costs, a round each."""


def main(arguments: list[str]) -> int:
    """Measure, print the table, and write it where that is wanted."""
    options = _parser().parse_args(arguments)
    effort = Effort(trial=options.trial)
    sizes = sorted({effort.pods(pods) for pods in options.pods})
    if len(sizes) < 2:
        print("growth needs two sizes", file=sys.stderr)
        return 2
    rounds = effort.rounds(options.rounds)
    print(document.circumstances())
    each = effort.pods(PODS_OF_EACH)
    planned = sum(seconds(pods, rounds, effort) for pods in sizes)
    planned += sum(_SERVE + rounds * (_PROBE + clusters * each * _PER_POD) for clusters in CLUSTERS)
    print(f"planned: {planned:.0f} s", flush=True)
    by_size = _measured(sizes, "pods", lambda pods: of_size(pods, rounds, effort))
    by_clusters = _measured(CLUSTERS, "clusters", lambda clusters: of_clusters(clusters, each, rounds, effort))
    lines = [
        *table(by_size, ROWS, "pods"),
        "",
        f"Several clusters of {each:,} pods each, observed at once:",
        "",
        *table(by_clusters, ROWS_OF_CLUSTERS, "clusters"),
    ]
    print("\n".join(lines))
    if options.write:
        how = f"Medians of {rounds} rounds in a process of their own, each step {TIMES} times in each."
        document.write(options.write, NAME, [f"{document.circumstances()} {how}", "", *lines])
    return 0


def _measured(sizes: Iterable[int], unit: str, of: Callable[[int], Iterable[C]]) -> dict[int, list[C]]:
    """Measure one size after the other; one that cannot be measured is told, and left out."""
    began, found = time.monotonic(), dict[int, list[C]]()
    for size in sizes:
        try:
            found[size] = list(of(size))
        except CannotMeasureError as error:
            print(f"{size} {unit}: {error}", file=sys.stderr)
        else:
            print(f"{size} {unit}: {time.monotonic() - began:.0f} s so far", file=sys.stderr, flush=True)
    return found


def seconds(pods: int, rounds: int, effort: Effort) -> float:
    """Return the expected duration of one size."""
    prometheus = scraped_twice(_interval(pods, effort)) if _has_prometheus() else 0.0
    return _SERVE + prometheus + rounds * (_PROBE + pods * _PER_POD)


def table(measured: Measured, rows: Iterable[Row], unit: str) -> list[str]:
    """Return the table in Markdown: a row per cost, a column per size, then the exponent with its range, and the
    exponent of the last two sizes. Empty for fewer than two sizes, which have no exponent.
    """
    if len(measured) < 2:
        return []
    last = " → ".join(f"{size:,}" for size in list(measured)[-2:])
    head = ("", *(f"{size:,} {unit.removesuffix('s') if size == 1 else unit}" for size in measured), "exponent")
    return document.table((*head, "range", last), [_line(row, measured) for row in rows])


def _line(row: Row, measured: Measured) -> list[str]:
    seen = {pods: [getattr(costs, row.field) for costs in rounds] for pods, rounds in measured.items()}
    if any(cost is None for costs in seen.values() for cost in costs):
        return [row.what, *("–" for _ in seen), "–", "–", "–"]
    cells = [f"{number(median(costs))} {row.unit}" for costs in seen.values()]
    whole, last = exponents_of(seen), exponents_of(dict(list(seen.items())[-2:]))
    return [row.what, *cells, f"{median(whole):.2f}", f"{min(whole):.2f} … {max(whole):.2f}", f"{median(last):.2f}"]


def exponents_of(seen: Mapping[int, Sequence[float]]) -> list[float]:
    """A round's exponent goes through its own costs at all sizes."""
    sizes = [float(pods) for pods in seen]
    return [exponent(sizes, costs) for costs in zip(*seen.values(), strict=True)]


def of_size(pods: int, rounds: int, effort: Effort) -> Iterator[Costs]:
    """A probe after the other on one fleet. Raises CannotMeasureError."""
    with ExitStack() as stack:
        fleet = stack.enter_context(fleet_server(pods, "--slim", "--still"))
        words = [fleet.api]
        if _has_prometheus():
            words.append(stack.enter_context(prometheus_of(fleet, _interval(pods, effort))).url)
        words += ["--times", str(effort.rounds(TIMES)), "--keys", str(effort.rounds(KEYS))]
        for _ in range(rounds):
            yield Costs(**_probed("probe", words))


def of_clusters(clusters: int, pods: int, rounds: int, effort: Effort) -> Iterator[ClusterCosts]:
    """A probe after the other on so many fleets of so many pods each. Raises CannotMeasureError."""
    with ExitStack() as stack:
        fleets = [stack.enter_context(fleet_server(pods, "--slim", "--still")) for _ in range(clusters)]
        for _ in range(rounds):
            words = [*(fleet.api for fleet in fleets), "--times", str(effort.rounds(TIMES))]
            yield ClusterCosts(**_probed("several", words))


def _probed(module: str, words: Iterable[str]) -> dict[str, Any]:
    """Return the costs that a probe, a module here, prints. Raises CannotMeasureError with its last output."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *words]
    try:
        probe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except subprocess.CalledProcessError as error:
        text = error.stderr.strip().splitlines()
        raise CannotMeasureError(text[-1] if text else str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CannotMeasureError(f"the probe took more than {TIMEOUT:g} s") from error
    found: dict[str, Any] = json.loads(probe.stdout.splitlines()[-1])
    return found


def _interval(pods: int, effort: Effort) -> int:
    return effort.scrape_interval(max(15, round(pods / PODS_PER_SECOND)))


def _has_prometheus() -> bool:
    return shutil.which("prometheus") is not None


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.benchmarks {NAME}", description="how costs grow with a fleet"
    )
    parser.add_argument("--pods", type=_sizes, default=PODS, metavar="N,N…", help="sizes of the fleet")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the table between the markers of this document"
    )
    parser.add_argument("--trial", action="store_true", help="small fleets, once: only whether it works")
    return parser
