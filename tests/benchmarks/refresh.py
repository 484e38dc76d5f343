"""B3, and the first half of B7: CPU per refresh and memory with 64 engines scraped directly every two seconds.

Beside them one engine, for the programs that show no more than one: their CPU by the clock, because one of them asks
several times for each time that it draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

from tests.benchmarks.effort import Effort
from tests.benchmarks.peers import OF_FLEETS, OF_ONE, VLLM_HTOP, VLLMSTAT, Peer
from tests.benchmarks.result import Note, Report, Result, ratios
from tests.benchmarks.stage import VALUE, FleetServer, NotHereError, fleet_server
from tests.benchmarks.steady import Program, Used, side_by_side

IDS = ("B3", "B7")
ENGINES = 64
INTERVAL = 2.0
SECONDS = 20.0
WARM = 6.0
_START = 8.0
"""Seconds until all show their fleets: for the plan."""
OURS = "quarterdeck"
OURS_WITH_ONE = "quarterdeck, 1 engine"
_CPU_LIMITS = {VLLM_HTOP: (0.35, 0.2), VLLMSTAT: (0.1, 0.05)}
_RSS_LIMITS = {VLLMSTAT: (0.8,)}


def seconds(effort: Effort) -> float:
    return _START + effort.seconds(WARM + effort.rounds() * SECONDS)


def run(effort: Effort) -> list[Report]:
    """All at once, each on a fleet of its own."""
    notes: list[Report] = []
    programs: list[Program] = []
    peers: list[Peer] = []
    interval = effort.refresh(INTERVAL)
    with ExitStack() as stack:

        def ours(name: str, engines: int) -> Program:
            fleet = stack.enter_context(fleet_server(engines))
            return scraping(name, fleet, fleet.console("--refresh", f"{interval:g}"))

        engines = effort.pods(ENGINES)
        programs += [ours(OURS, engines), ours(OURS_WITH_ONE, 1)]
        for peer in (*OF_FLEETS, *OF_ONE) if effort.peers else ():
            fleet = stack.enter_context(fleet_server(engines if peer.many else 1))
            try:
                programs.append(scraping(peer.name, fleet, peer.command(fleet, interval), peer.shows))
            except NotHereError as error:
                notes.append(Note("B3", str(error)))
            else:
                peers.append(peer)
        used = side_by_side(programs, effort.rounds(), effort.seconds(SECONDS), effort.seconds(WARM))
    of_fleets = [peer for peer in peers if peer.many]
    of_one = [peer for peer in peers if not peer.many]
    return [*notes, *_many(used, of_fleets, engines), *_one(used, of_one), *_memory(used, of_fleets, engines)]


def scraping(name: str, fleet: FleetServer, arguments: Sequence[str], shows: str = VALUE) -> Program:
    """A program that scrapes this fleet alone: its refreshes are the scrapes of the first engine."""
    return Program(name, arguments, fleet.environ, partial(fleet.scrapes, fleet.engines[0]), shows)


def _many(used: Mapping[str, Sequence[Used]], peers: Sequence[Peer], engines: int) -> list[Report]:
    out: list[Report] = []
    for name in (OURS, *(peer.name for peer in peers)):
        out.append(Result("B3", f"CPU per refresh, {engines} engines: {name}", _cpu(used[name]), "ms"))
        out.append(Result("B3", f"bytes per refresh, {engines} engines: {name}", _bytes(used[name]), "B"))
    for peer in peers:
        what = f"CPU per refresh, {engines} engines: {OURS} / {peer.name}"
        out.append(Result("B3", what, ratios(_cpu(used[OURS]), _cpu(used[peer.name])), "×", *_CPU_LIMITS[peer]))
    return out


def _one(used: Mapping[str, Sequence[Used]], peers: Sequence[Peer]) -> list[Report]:
    """CPU of one core with one engine: context, without a budget."""
    return [
        Result(
            "B3", f"CPU of a core, every {INTERVAL:g} s: {what}", tuple(each.cpu_percent for each in used[name]), "%"
        )
        for what, name in [(OURS_WITH_ONE, OURS_WITH_ONE), *((f"{peer.name}, 1 engine", peer.name) for peer in peers)]
    ]


def _memory(used: Mapping[str, Sequence[Used]], peers: Sequence[Peer], engines: int) -> list[Report]:
    names = (OURS, *(peer.name for peer in peers))
    out: list[Report] = [Result("B7", f"RSS, {engines} engines: {name}", _rss(used[name]), "MiB") for name in names]
    for peer in peers:
        rss = ratios(_rss(used[OURS]), _rss(used[peer.name]))
        out.append(Result("B7", f"RSS, {engines} engines: {OURS} / {peer.name}", rss, "×", *_RSS_LIMITS.get(peer, ())))
    return out


def _cpu(windows: Sequence[Used]) -> tuple[float, ...]:
    return tuple(window.cpu_ms_per_refresh for window in windows)


def _bytes(windows: Sequence[Used]) -> tuple[float, ...]:
    return tuple(window.bytes_written / window.refreshes for window in windows)


def _rss(windows: Sequence[Used]) -> tuple[float, ...]:
    return tuple(window.rss_mib for window in windows)
