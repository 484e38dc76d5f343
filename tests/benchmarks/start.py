"""B1, B2 and ``demo``: from exec to the first text on the screen, and to the first true value.

The yardstick is a bare Textual app.
``demo`` is what a newcomer starts: until its first text the terminal is empty.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import OF_FLEETS, OF_ONE, VLLM_HTOP, VLLMSTAT, Peer
from tests.benchmarks.result import Note, Report, Result, ratios
from tests.benchmarks.stage import QUARTERDECK, VALUE, FleetServer, NotHereError, fleet_server
from tests.benchmarks.terminal import on_terminal

IDS = ("B1", "B2", "demo")
ROUNDS = 3
TIMEOUT = 30.0
_TURN = 15.0
"""Seconds that all programs take once, one after the other, on two cores of a server: for the plan."""
FIRST_TEXT = "connecting to the fleet"
HELLO = """
from textual.app import App
from textual.widgets import Static

class Hello(App):
    def compose(self):
        yield Static("hello world")

Hello().run()
"""


def seconds(effort: Effort) -> float:
    """One more than the rounds: the first turn is not counted."""
    return (1 + effort.rounds(ROUNDS)) * _TURN


def run(effort: Effort) -> list[Report]:
    """Every program in turns."""
    notes: list[Report] = []
    peers: list[tuple[str, Peer]] = []
    with fleet_server(1) as one, fleet_server(effort.pods(64)) as many:
        runs: dict[str, Callable[[], float]] = {
            "hello": _start([sys.executable, "-c", HELLO], one.environ, "hello world"),
            "text": _start(one.console(), one.environ, FIRST_TEXT),
            "demo": _start([QUARTERDECK, "demo"], one.environ, r"\S"),
            "value 1": _start(one.console(), one.environ, VALUE),
            "value 64": _start(many.console(), many.environ, VALUE),
        }
        for peer in (*OF_FLEETS, *OF_ONE) if effort.peers else ():
            fleet = many if peer.many else one
            try:
                runs[peer.name] = _start(peer.command(fleet, 2), fleet.environ, peer.shows)
            except NotHereError as error:
                notes.append(Note("B2", str(error)))
            else:
                peers.append((_engines(fleet), peer))
        seen = _in_turns(runs, effort)
    return [*_results(seen, effort), *_beside(seen, peers), *notes]


def _in_turns(runs: Mapping[str, Callable[[], float]], effort: Effort) -> dict[str, tuple[float, ...]]:
    if not effort.trial:
        for measure in runs.values():  # The first read from disk and compilation are not part of it.
            measure()
    rounds = [{name: measure() for name, measure in runs.items()} for _ in range(effort.rounds(ROUNDS))]
    return {name: tuple(each[name] for each in rounds) for name in runs}


def _engines(fleet: FleetServer) -> str:
    return f"{len(fleet.engines)} engine{'s' if len(fleet.engines) > 1 else ''}"


def _start(arguments: Sequence[str], environ: Mapping[str, str], pattern: str) -> Callable[[], float]:
    def measure() -> float:
        """Milliseconds from exec to the first screen with the pattern."""
        with on_terminal(arguments, environ) as terminal:
            return terminal.first(pattern, TIMEOUT) * 1e3

    return measure


def _results(seen: Mapping[str, tuple[float, ...]], effort: Effort) -> list[Report]:
    hello, text, demo, one, many = (seen[name] for name in ("hello", "text", "demo", "value 1", "value 64"))
    return [
        Result("B1", "first text: bare Textual", hello, "ms"),
        Result("B1", "first text: quarterdeck", text, "ms"),
        Result("B1", "first text: quarterdeck / bare Textual", ratios(text, hello), "×", 1.4, 1.1),
        Result("demo", "first text: quarterdeck demo", demo, "ms"),
        Result("demo", "first text: quarterdeck demo / bare Textual", ratios(demo, hello), "×", 1.4),
        Result("B2", "first true value, 1 engine: quarterdeck", one, "ms"),
        Result("B2", "first true value, 1 engine: quarterdeck / bare Textual's text", ratios(one, hello), "×", 2.0),
        Result("B2", f"first true value, {effort.pods(64)} engines: quarterdeck", many, "ms"),
    ]


_BUDGETS = {VLLMSTAT: (0.25, 0.15), VLLM_HTOP: (None, 0.6)}


def _beside(seen: Mapping[str, tuple[float, ...]], peers: Sequence[tuple[str, Peer]]) -> list[Report]:
    out: list[Report] = []
    for engines, peer in peers:
        ours, theirs = seen["value 64" if peer.many else "value 1"], seen[peer.name]
        what = f"first true value, {engines}: "
        out += [
            Result("B2", f"{what}{peer.name}", theirs, "ms"),
            Result("B2", f"{what}quarterdeck / {peer.name}", ratios(ours, theirs), "×", *_BUDGETS.get(peer, ())),
        ]
    return out
