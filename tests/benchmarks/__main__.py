"""``python -m tests.benchmarks [module …]``: run the benchmarks and print each with its budget.

A module of this package that defines ``run() -> list[Result]`` is a benchmark. They are not tests: a slow machine fails
nothing. The exit code is 0 whatever the verdicts, 2 for a module that does not exist.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable

from tests import benchmarks
from tests.benchmarks.result import HEAD, Result, report_line


def modules() -> dict[str, Callable[[], list[Result]]]:
    """The benchmarks by name."""
    found: dict[str, Callable[[], list[Result]]] = {}
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if info.name.startswith("__") or info.name == "result":
            continue
        run = getattr(importlib.import_module(f"{benchmarks.__name__}.{info.name}"), "run", None)
        if run is not None:
            found[info.name] = run
    return found


def main(wanted: list[str]) -> int:
    known = modules()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(HEAD)
    for name in wanted or known:
        for result in known[name]():
            print(report_line(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
