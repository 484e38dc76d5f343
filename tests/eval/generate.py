"""``python -m tests.eval.generate [FOLDER] [--kind NAME]``: write the corpus, the same each time."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.eval.corpus import Entry, entries, make
from tests.eval.simulated import PLAYED

FOLDER = Path("build/eval")


def generate(folder: Path, chosen: Sequence[Entry], jobs: int) -> None:
    """Write these cases."""
    simulated = sorted({entry.kind for entry in chosen} & PLAYED.keys())
    # Those of one fleet by one process: its tape is made once there.
    fleets = sorted({_fleet(entry) for entry in chosen})
    parts = [[one for one in chosen if _fleet(one) == fleet] for fleet in fleets]
    if jobs <= 1 or len(parts) <= 1:
        for part in parts:
            make_all(folder, part)
        for kind in simulated:
            PLAYED[kind].make(folder)
        return
    with ProcessPoolExecutor(jobs) as pool:
        made = [pool.submit(_play, folder, kind) for kind in simulated]
        list(pool.map(make_all, [folder] * len(parts), parts))
        for one in made:
            one.result()


def make_all(folder: Path, part: Sequence[Entry], *, small: bool = True) -> None:
    """Write cases, one after the other."""
    for entry in part:
        make(entry, folder, small=small)


def _play(folder: Path, kind: str) -> None:
    PLAYED[kind].make(folder)


def _fleet(entry: Entry) -> tuple[int, float]:
    return entry.guise.pods or 0, entry.guise.demand


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
