"""``python -m tests.eval``: make the corpus, replay all of it and write down the scores (``make eval``)."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from console.report.evaluation_table import markdown
from fleet.evaluation.runner import scores
from fleet.evaluation.score import CaseScore
from fleet.evaluation.totals import totals
from tests.eval import day
from tests.eval.corpus import entries
from tests.eval.generate import FOLDER, generate

DOCUMENT = Path("docs/eval.md")
_HEAD = """\
# How well the diagnosis does

Written by `make eval`: `quarterdeck eval` on a corpus of {cases} recorded incidents of {kinds} kinds, which
`python -m tests.eval.generate` makes from the simulated fleet. How to add incidents of your own: [truth.md](truth.md).

- A case is a calm fleet in which something goes wrong: a small one, the usual one, a busy or a large one, with a source
  that is missing or an innocent change beside it. Some have two faults at once, which have nothing to do with each
  other. Calm ones look alarming, and nothing is wrong.
- Kinds for which there is no cause yet are in it, and count as missed.
- Simulator and causes come from the same hand. So a third of the kinds, those of whose name the SHA-256 is divisible
  by three, is held out: nobody who writes causes looks at them, and only sums over all of them are shown.
{day}
## Scores

"""
_DAY = """\
- A day of 24 simulated hours, with night and noon, bursts, prompts of heavy-tailed lengths, autoscaling and a rollout,
  is among the calm ones: {false} false findings.
"""
_TAIL = """
The second table has the kinds that are not held out. `right`: the first line names cause and object; of two at once,
both are named as incidents of their own; of calm ones, nothing fires. What was said instead has no sign, what was said
beside a fault has a `+`.
"""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", action="store_true", help="replay what build/eval has already")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    begun = time.monotonic()
    if not options.keep:
        shutil.rmtree(FOLDER, ignore_errors=True)
        with ProcessPoolExecutor(1) as pool:
            made = pool.submit(day.write, FOLDER / "calm" / "a-day.qdr")
            generate(FOLDER, entries(), options.jobs)
            made.result()
        print(f"made in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    begun = time.monotonic()
    found = scores(FOLDER, options.jobs)
    print(f"replayed in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    DOCUMENT.write_text(document(found), encoding="utf-8")
    return 0


def document(found: list[CaseScore]) -> str:
    """The document of these scores."""
    kinds = {name for case in found for name in case.truth.kind.split(" + ")}
    whole_day = totals([case for case in found if case.truth.kind == "a-day"])
    day_told = _DAY.format(false=whole_day.false) if whole_day.calm else ""
    head = _HEAD.format(cases=len(found), kinds=len(kinds), day=day_told)
    return head + "\n".join(markdown(found)) + "\n" + _TAIL


if __name__ == "__main__":
    sys.exit(main())
