"""``python -m tests.benchmarks [B1 | module …]``: run the benchmarks and print each with its budget.

A module of this package that defines ``IDS`` and ``run() -> list[Report]`` is a benchmark. They are not tests: a slow
machine fails nothing. The exit code is 0 whatever the verdicts, 2 for a benchmark that does not exist.
"""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from tests import benchmarks
from tests.benchmarks.result import HEAD, CannotMeasureError, Note, Report, report_line


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A module with a ``run``."""

    name: str
    ids: tuple[str, ...]
    run: Callable[[], list[Report]]


def known() -> list[Benchmark]:
    """The benchmarks, in the order of their ids."""
    found = []
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if not info.name.startswith("__"):
            module = importlib.import_module(f"{benchmarks.__name__}.{info.name}")
            if hasattr(module, "IDS"):
                found.append(Benchmark(info.name, module.IDS, module.run))
    return sorted(found, key=lambda benchmark: int(benchmark.ids[0].removeprefix("B")))


def _reports(benchmark: Benchmark) -> list[Report]:
    """What it measured; where it could not, that it could not, and why. The others are run all the same."""
    try:
        return benchmark.run()
    except CannotMeasureError as error:
        return [Note(id_, str(error)) for id_ in benchmark.ids]
    except Exception as error:  # noqa: BLE001 - a defect in what is measured is news, and no reason to lose the rest
        traceback.print_exc(limit=-1)
        return [Note(id_, f"failed with {type(error).__name__}: {error}") for id_ in benchmark.ids]


def main(wanted: list[str]) -> int:
    """Run those that are named, by id or by module; all where none is."""
    every = known()
    names = {name for benchmark in every for name in (benchmark.name, *benchmark.ids)}
    unknown = [name for name in wanted if name not in names]
    if unknown:
        there = ", ".join(f"{benchmark.name} ({', '.join(benchmark.ids)})" for benchmark in every)
        print(f"no benchmark {', '.join(unknown)}; there are {there}", file=sys.stderr)
        return 2
    began = time.monotonic()
    print(f"Python {platform.python_version()}, Textual {version('textual')}, quarterdeck {version('quarterdeck')}")
    print(HEAD)
    for benchmark in every:
        if not wanted or benchmark.name in wanted or not set(benchmark.ids).isdisjoint(wanted):
            for report in _reports(benchmark):
                if not wanted or benchmark.name in wanted or report.id in wanted:
                    print(report_line(report), flush=True)
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
