"""``python -m tests.benchmarks growth``: what everything costs at 100, 1,000, 5,000 and 10,000 pods, and how it grows.

The exponent k says that a cost grows like pods^k: it is the slope of the cost's logarithm on that of the size. What
depends on the page that is on the screen and not on the fleet has 0. What every size pays alike flattens it, so that
between the last two sizes stands beside it. A program of its own, because it takes as long as
all other benchmarks together; its numbers have no budget.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks import document
from tests.benchmarks.effort import Effort
from tests.benchmarks.probe import KEYS, TIMES, Costs
from tests.benchmarks.regression import exponent
from tests.benchmarks.result import CannotMeasureError, number
from tests.benchmarks.stage import ROOT, fleet_server, prometheus_of, scraped_twice

NAME = "growth"
PODS = (100, 1_000, 5_000, 10_000)
PODS_PER_SECOND = 150.0
"""Pods that Prometheus scrapes per second here: the more there are, the less often each is scraped."""
TIMEOUT = 600.0
_SERVE, _PROBE, _PER_POD = 3.0, 20.0, 0.006
"""Seconds that a fleet's server and a probe take, and a probe for each pod: for the plan."""


@dataclass(frozen=True, slots=True)
class Row:
    """One cost: a field of ``Costs``."""

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

Measured = Mapping[int, Sequence[Costs]]
"""Pods → the costs, a round each."""


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
    print(f"planned: {sum(seconds(pods, rounds, effort) for pods in sizes):.0f} s", flush=True)
    began = time.monotonic()
    measured: dict[int, list[Costs]] = {}
    for pods in sizes:
        try:
            measured[pods] = list(of_size(pods, rounds, effort))
        except CannotMeasureError as error:
            print(f"{pods} pods: {error}", file=sys.stderr)
        else:
            print(f"{pods} pods: {time.monotonic() - began:.0f} s so far", file=sys.stderr, flush=True)
    lines = table(measured)
    print("\n".join(lines))
    if options.write:
        how = f"Medians of {rounds} rounds in a process of their own, each step {TIMES} times in each."
        document.write(options.write, NAME, [f"{document.circumstances()} {how}", "", *lines])
    return 0


def seconds(pods: int, rounds: int, effort: Effort) -> float:
    """Return the expected duration of one size."""
    prometheus = scraped_twice(_interval(pods, effort)) if _has_prometheus() else 0.0
    return _SERVE + prometheus + rounds * (_PROBE + pods * _PER_POD)


def table(measured: Measured) -> list[str]:
    """Return the table in Markdown: a row per cost, a column per size, then the exponent with its range, and the
    exponent of the last two sizes.
    """
    last = " → ".join(f"{pods:,}" for pods in list(measured)[-2:])
    head = ("", *(f"{pods:,} pods" for pods in measured), "exponent", "range", last)
    return document.table(head, [_line(row, measured) for row in ROWS])


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
        for _ in range(rounds):
            yield _probed([*words, "--times", str(effort.rounds(TIMES)), "--keys", str(effort.rounds(KEYS))])


def _probed(words: Iterable[str]) -> Costs:
    """Raises CannotMeasureError with the last output of the probe."""
    command = [sys.executable, "-m", "tests.benchmarks.probe", *words]
    try:
        probe = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise CannotMeasureError(said[-1] if said else str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CannotMeasureError(f"the probe took more than {TIMEOUT:g} s") from error
    return Costs(**json.loads(probe.stdout.splitlines()[-1]))


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
