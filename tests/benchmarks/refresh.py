"""B3, and the first half of B7: CPU per refresh and memory with 64 engines scraped directly every two seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from tests.benchmarks.peers import PEERS, VLLM_HTOP, VLLMSTAT, Peer
from tests.benchmarks.result import Note, Report, Result, ratios
from tests.benchmarks.stage import FleetServer, NotHereError, fleet_server
from tests.benchmarks.steady import Program, Used, side_by_side

IDS = ("B3", "B7")
ENGINES = 64
INTERVAL = 2.0
ROUNDS = 3
SECONDS = 20.0
OURS = "quarterdeck"
_CPU_BUDGET = {VLLM_HTOP: 0.35, VLLMSTAT: 0.1}
_RSS_BUDGET = {VLLMSTAT: 0.8}


def run() -> list[Report]:
    """All at once, each on a fleet of its own."""
    out: list[Report] = []
    programs: list[Program] = []
    measured: list[Peer] = []
    with ExitStack() as stack:
        fleet = stack.enter_context(fleet_server(ENGINES))
        programs.append(scraping(OURS, fleet, fleet.console("--refresh", f"{INTERVAL:g}")))
        for peer in PEERS:
            theirs = stack.enter_context(fleet_server(ENGINES))
            try:
                programs.append(scraping(peer.name, theirs, peer.command(theirs, INTERVAL)))
            except NotHereError as error:
                out.append(Note("B3", str(error)))
            else:
                measured.append(peer)
        used = side_by_side(programs, ROUNDS, SECONDS)
    for name, windows in used.items():
        out.append(Result("B3", f"CPU per refresh, {ENGINES} engines: {name}", _cpu(windows), "ms"))
        out.append(Result("B3", f"bytes per refresh, {ENGINES} engines: {name}", _bytes(windows), "B"))
    for peer in measured:
        cpu = ratios(_cpu(used[OURS]), _cpu(used[peer.name]))
        what = f"CPU per refresh, {ENGINES} engines: {OURS} / {peer.name}"
        out.append(Result("B3", what, cpu, "×", _CPU_BUDGET[peer.requirement]))
    out += _memory(used, measured)
    return out


def scraping(name: str, fleet: FleetServer, arguments: Sequence[str]) -> Program:
    """A program that scrapes this fleet alone: its refreshes are the scrapes of the first engine."""
    return Program(name, arguments, fleet.environ, partial(fleet.scrapes, fleet.engines[0]))


def _memory(used: Mapping[str, Sequence[Used]], peers: Sequence[Peer]) -> list[Report]:
    out: list[Report] = [
        Result("B7", f"RSS, {ENGINES} engines: {name}", _rss(windows), "MiB") for name, windows in used.items()
    ]
    for peer in peers:
        rss = ratios(_rss(used[OURS]), _rss(used[peer.name]))
        what = f"RSS, {ENGINES} engines: {OURS} / {peer.name}"
        out.append(Result("B7", what, rss, "×", _RSS_BUDGET.get(peer.requirement)))
    return out


def _cpu(windows: Sequence[Used]) -> tuple[float, ...]:
    return tuple(window.cpu_ms_per_refresh for window in windows)


def _bytes(windows: Sequence[Used]) -> tuple[float, ...]:
    return tuple(window.bytes_written / window.refreshes for window in windows)


def _rss(windows: Sequence[Used]) -> tuple[float, ...]:
    return tuple(window.rss_mib for window in windows)
