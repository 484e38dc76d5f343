"""``python -m tests.eval.generate [FOLDER] [--kind NAME]``: write the corpus, the same each time."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.eval.corpus import Entry, entries, make

FOLDER = Path("build/eval/corpus")


def generate(folder: Path, chosen: Sequence[Entry], jobs: int) -> None:
    """Write these cases."""
    # Those of one fleet on one process: its tape is made once there.
    fleets = sorted({(entry.guise.pods or 0, entry.guise.demand) for entry in chosen}, reverse=True)
    parts = [[one for one in chosen if ((one.guise.pods or 0), one.guise.demand) == fleet] for fleet in fleets]
    if jobs <= 1:
        for part in parts:
            _make_all(folder, part)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for _ in pool.map(_make_all, [folder] * len(parts), parts):
            pass


def _make_all(folder: Path, part: Sequence[Entry]) -> None:
    for entry in part:
        make(entry, folder)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    parser.add_argument("--kind", help="only this kind")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [entry for entry in entries() if options.kind in (None, entry.kind)]
    if options.kind is None:
        shutil.rmtree(options.folder, ignore_errors=True)
    generate(options.folder, chosen, options.jobs)


if __name__ == "__main__":
    main()
