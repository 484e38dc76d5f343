"""``make quick``: the tests that stand nearest to what was changed, for as long as one waits while working.

A test file stands as near as its chain of imports to a changed module is short; one that was changed itself is first.
Those that take long come last: in the time of one of them, many others find more. What is nearest is run until the time
is over, and what was left out is counted: `make test` runs it. Tests that need a real part are not for here.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp

from tests.order import LONGEST

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "simulator", "themes", "widgets", "tests")
SECONDS = 30
"""Duration of tests after which no other one is begun."""
FILES = 30
"""Test files that are looked at: collecting all of them takes longer than a person waits."""

STARTERS = ("tests.prefork", "tests.console.terminal", "tests.local.fakes")
"""Modules that start programs: the tests that import them wait for those."""


def changed() -> list[str]:
    """Return the files changed since the start of this branch (on main: its last commit), and the untracked ones."""
    base = _git("merge-base", "HEAD", "@{upstream}") or _git("merge-base", "HEAD", "origin/HEAD") or "HEAD~1"
    if base == _git("rev-parse", "HEAD"):
        base = "HEAD~1"
    return [*_git("diff", "--name-only", base).splitlines(), *_git("ls-files", "-o", "--exclude-standard").splitlines()]


def module_of(file: str) -> str:
    """The module that a file of the repository is."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def distances(importers: Mapping[str, Iterable[str]], start: Iterable[str]) -> dict[str, int]:
    """Return the number of imports between each module and the nearest of ``start``."""
    found = dict.fromkeys(start, 0)
    waiting = deque(found)
    while waiting:
        module = waiting.popleft()
        for importer in importers.get(module, ()):
            if importer not in found:
                found[importer] = found[module] + 1
                waiting.append(importer)
    return found


def nearest(files: Iterable[str], importers: Mapping[str, Iterable[str]], tests: Iterable[str]) -> list[str]:
    """The test files that the changed ``files`` concern, the nearest first; those that concern all rooms among them.

    Changed ones go before all others, and those that take long come after these.
    """
    near = distances(importers, [module for file in files if (module := module_of(file)) in importers])
    # The tests at the top level read the source of every room.
    found = {file: near.get(module_of(file), 1 if file.count("/") == 1 else None) for file in tests}
    slow = distances(importers, STARTERS)

    def takes_long(file: str) -> bool:
        return module_of(file) in slow or file.removeprefix("tests/") in LONGEST

    known = [(distance, file) for file, distance in found.items() if distance is not None]
    known.sort(key=lambda each: (each[0] > 0 and takes_long(each[1]), each))
    return [file for _, file in known][:FILES]


def main(arguments: list[str]) -> int:
    """Exit code of pytest."""
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    importers = {module: graph.find_modules_that_directly_import(module) for module in graph.modules}
    tests = [file.relative_to(ROOT).as_posix() for file in ROOT.glob("tests/**/test_*.py")]
    files = nearest(changed(), importers, tests)
    command = ["-m", "pytest", "-q", "-m", "not real", f"--seconds={SECONDS}", "--maxschedchunk=1", *arguments, *files]
    return subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode


def _git(*words: str) -> str:
    """Return the output of git; empty if it fails."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
