"""B1 and B2: from exec to the first text on the screen, and to the first true value; against a bare Textual app."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks.peers import PEERS, VLLMSTAT
from tests.benchmarks.result import Note, Report, Result, ratios
from tests.benchmarks.stage import NotHereError, fleet_server
from tests.benchmarks.steady import VALUE
from tests.benchmarks.terminal import on_terminal

IDS = ("B1", "B2")
ROUNDS = 7
TIMEOUT = 30.0
FIRST_TEXT = "looking for the fleet"
HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("hello world")

Hello().run()
"""


def run() -> list[Report]:
    """Every program in turns, ``ROUNDS`` times."""
    notes: list[Report] = []
    with fleet_server(1) as one, fleet_server(64) as many:
        runs: dict[str, Callable[[], float]] = {
            "hello": _start([sys.executable, "-c", HELLO], one.environ, "hello world"),
            "text": _start(one.console(), one.environ, FIRST_TEXT),
            "value 1": _start(one.console(), one.environ, VALUE),
            "value 64": _start(many.console(), many.environ, VALUE),
        }
        for peer in PEERS:
            try:
                runs[f"{peer.name}, 64 engines"] = _start(peer.command(many, 2), many.environ, VALUE)
            except NotHereError as error:
                notes.append(Note("B2", str(error)))
        for measure in runs.values():  # What is read from disk for the first time, or compiled, is no part of it.
            measure()
        seen: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, measure in runs.items():
                seen[name].append(measure())
    return [*_results(seen), *notes]


def _start(arguments: Sequence[str], environ: Mapping[str, str], pattern: str) -> Callable[[], float]:
    def measure() -> float:
        """Milliseconds from exec to the first screen with the pattern."""
        with on_terminal(arguments, environ) as terminal:
            return terminal.first(pattern, TIMEOUT) * 1e3

    return measure


def _results(seen: Mapping[str, Sequence[float]]) -> list[Report]:
    hello, text, one, many = (seen[name] for name in ("hello", "text", "value 1", "value 64"))
    out: list[Report] = [
        Result("B1", "first text: bare Textual", tuple(hello), "ms"),
        Result("B1", "first text: quarterdeck", tuple(text), "ms"),
        Result("B1", "first text: quarterdeck / bare Textual", ratios(text, hello), "×", 1.4),
        Result("B2", "first true value, 1 engine: quarterdeck", tuple(one), "ms"),
        Result("B2", "first true value, 1 engine: quarterdeck / bare Textual's text", ratios(one, hello), "×", 2.0),
        Result("B2", "first true value, 64 engines: quarterdeck", tuple(many), "ms"),
    ]
    for peer in PEERS:
        theirs = seen.get(f"{peer.name}, 64 engines")
        if theirs is not None:
            budget = 0.25 if peer.requirement == VLLMSTAT else None
            out.append(Result("B2", f"first true value, 64 engines: {peer.name}", tuple(theirs), "ms"))
            out.append(
                Result("B2", f"first true value, 64: quarterdeck / {peer.name}", ratios(many, theirs), "×", budget)
            )
    return out
