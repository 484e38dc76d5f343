"""``python -m tests.benchmarks [B1 | idle | module …]``: run the benchmarks and print each with its budget.

A module of this package that defines ``IDS``, ``seconds(effort)`` (how long it means to take) and ``run(effort) ->
list[Report]`` is a benchmark. They are not tests: a slow machine fails nothing. The exit code is 0 whatever the
verdicts, 2 for a benchmark that does not exist. ``growth`` is a program of its own: see there.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import benchmarks
from tests.benchmarks import document, growth, machine, peers
from tests.benchmarks.effort import Effort
from tests.benchmarks.result import HEAD, CannotMeasureError, Note, Report, report_line


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module with a ``run``."""

    name: str
    ids: tuple[str, ...]
    seconds: Callable[[Effort], float]
    run: Callable[[Effort], list[Report]]

    def is_meant(self, wanted: Collection[str]) -> bool:
        """True if it is to be run where these are wanted; all are where none is."""
        return not wanted or self.name in wanted or not set(self.ids).isdisjoint(wanted)


def known() -> list[Benchmark]:
    """The benchmarks, in the order of their ids: the numbered ones first."""
    found = []
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if not info.name.startswith("__"):
            module = importlib.import_module(f"{benchmarks.__name__}.{info.name}")
            if hasattr(module, "IDS"):
                found.append(Benchmark(info.name, module.IDS, module.seconds, module.run))
    return sorted(found, key=lambda benchmark: _place(benchmark.ids[0]))


def _place(id_: str) -> tuple[int, str]:
    number = id_.removeprefix("B")
    return (int(number), "") if number.isdecimal() else (sys.maxsize, id_)


def _reports(benchmark: Benchmark, effort: Effort) -> list[Report]:
    """Return the measurements, or a note with the reason if there are none. The other benchmarks run all the same."""
    try:
        return benchmark.run(effort)
    except CannotMeasureError as error:
        return [Note(id_, str(error)) for id_ in benchmark.ids]
    except Exception as error:  # noqa: BLE001 - a defect in what is measured is news, and no reason to lose the rest
        traceback.print_exc(limit=-1)
        return [Note(id_, f"failed with {type(error).__name__}: {error}") for id_ in benchmark.ids]


def _measured(chosen: Sequence[Benchmark], wanted: Collection[str], effort: Effort) -> Iterator[Report]:
    """Print each result as soon as it is there."""
    for benchmark in chosen:
        for report in _reports(benchmark, effort):
            if not wanted or benchmark.name in wanted or report.id in wanted:
                print(report_line(report), flush=True)
                yield report


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, by id or by module; all if none is named."""
    if arguments[:1] == [growth.NAME]:
        return growth.main(arguments[1:])
    options = _parser().parse_args(arguments)
    every = known()
    names = {name for benchmark in every for name in (benchmark.name, *benchmark.ids)}
    unknown = [name for name in options.names if name not in names]
    if unknown:
        there = ", ".join(f"{benchmark.name} ({', '.join(benchmark.ids)})" for benchmark in every)
        print(f"no benchmark {', '.join(unknown)}; there are {there}, and {growth.NAME}", file=sys.stderr)
        return 2
    effort = Effort(trial=options.trial, span=options.span)
    chosen = [benchmark for benchmark in every if benchmark.is_meant(options.names)]
    print(f"{machine.programs()}, on {machine.machine()}")
    if effort.peers:
        print(f"peers: {machine.peers()}", flush=True)
        peers.install()
    print(f"planned: {sum(benchmark.seconds(effort) for benchmark in chosen):.0f} s")
    print(HEAD, flush=True)
    began = time.monotonic()
    reports = list(_measured(chosen, options.names, effort))
    print(f"took {time.monotonic() - began:.0f} s")
    if options.write:
        document.write(options.write, "results", document.results(reports))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="the speed budgets")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="an id (B1, idle) or a module; all where none is named"
    )
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the results between the markers of this document"
    )
    parser.add_argument("--span", type=float, default=Effort().span, metavar="S", help="seconds of watching memory")
    parser.add_argument(
        "--trial", action="store_true", help="small fleets, short windows, no peers: only whether it works"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
