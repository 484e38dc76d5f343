"""``make docs``: short recordings of the console, each a moving picture (SVG) of the screens that some keys lead to."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.app.app import QuarterdeckApp
from console.config.settings import ClusterSettings, Settings
from console.wiring.demo import simulated
from console.wiring.session import session_of
from fleet.model.snapshot import Snapshot
from tests.pictures import DOCS, FLEET, crashed, hung, in_trouble, ready_app

SIZE = (110, 30)
READ = 4.0
"""Seconds for which a screen stands: as long as its first lines take to read."""


@dataclass(frozen=True)
class Frame:
    """One screen of a recording."""

    svg: str
    seconds: float = READ


@dataclass(frozen=True)
class Tour:
    """The steps of one recording: what is said of each, and the keys that lead to it from the one before."""

    scenario: str
    ready: Callable[[Snapshot], bool]
    steps: tuple[tuple[str, tuple[str, ...]], ...]


TOURS = {
    "tour-incident": Tour(
        "stuck-engine",
        hung,
        (
            ("the first lines say which model, since when, and why", ()),
            ("f: the incidents", ("f",)),
            ("enter: the evidence, and what was ruled out", ("g", "enter")),
            ("enter: the object that it is about", ("enter",)),
            ("escape, h: what happened to it before", ("escape", "h", "wait:1500")),
        ),
    ),
    "tour-plan": Tour(
        "slow-replica",
        in_trouble,
        (
            ("a replica is slower than its peers", ()),
            ("w: where the time goes, and what slow ones have in common", ("down", "w", "wait:3000")),
            ("escape, ctrl-d: the plan of a drain, before anything is sent", ("escape", "ctrl+d", "wait:3000")),
            ("r: the requests that it will send", ("r", "wait:500")),
        ),
    ),
    "tour-restart": Tour(
        "crash-loop",
        crashed,
        (
            ("a container starts, dies and is started again", ()),
            ("enter: the last end of it, and its GPUs", ("down", "enter")),
            ("p: the log from before the restart", ("p", "wait:1500")),
            ("escape, escape, v: a plot, with the restarts on the time axis", ("escape", "escape", "v", "wait:2000")),
        ),
    ),
}


def moving(frames: Sequence[Frame]) -> str:
    """Join screens into one picture that shows them in turn, without an end.

    Whoever asks for less motion sees the last one. Raises ValueError for none, and for what is no screenshot.
    """
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', frames[0].svg) if frames else None
    if box is None:
        raise ValueError("a recording needs screenshots")
    whole = sum(frame.seconds for frame in frames)
    rules, parts, begin = [], [], 0.0
    for number, frame in enumerate(frames):
        share = 100 * frame.seconds / whole
        rules.append(
            f"@keyframes show{number}{{0%{{visibility:visible}}{share:.3f}%,100%{{visibility:hidden}}}}"
            f".frame{number}{{visibility:hidden;animation:show{number} {whole:g}s step-end {begin:g}s infinite}}"
        )
        parts.append(f'<g class="frame{number}">{frame.svg}</g>')
        begin += frame.seconds
    still = f"[class^=frame]{{animation:none}}.frame{len(frames) - 1}{{visibility:visible}}"
    rules.append(f"@media (prefers-reduced-motion:reduce){{{still}}}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {box[1]} {box[2]}">'
        f"<style>{''.join(rules)}</style>{''.join(parts)}</svg>\n"
    )


async def record(tour: Tour) -> str:
    """Walk through the steps on a simulated fleet. Raises TimeoutError where it does not get into trouble."""
    with simulated(["--scenario", tour.scenario, *FLEET]) as fleet:
        app = QuarterdeckApp(session_of(Settings(cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig)))))
        async with app.run_test(size=SIZE) as pilot:
            await ready_app(app, pilot, tour.ready)
            frames = []
            for text, keys in tour.steps:
                await pilot.press(*keys)
                await asyncio.sleep(1.0)
                await pilot.pause()
                frames.append(Frame(app.export_screenshot(title=text).replace(str(Path.home()), "/home/ops")))
    return moving(frames)


def main(names: Sequence[str]) -> int:
    """Write the recordings, all of them or those that are named."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        for name in names or TOURS:
            (DOCS / f"{name}.svg").write_text(asyncio.run(record(TOURS[name])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
