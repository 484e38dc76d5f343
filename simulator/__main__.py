"""`python -m simulator`: serve a simulated fleet until a signal, or until stdin closes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from simulator.blueprint import FleetSizeError
from simulator.clock import RealtimeClock
from simulator.interfaces import World
from simulator.scenarios import SCENARIOS
from simulator.serve import say, serving
from simulator.store import Store
from simulator.world import Fleet

USAGE_ERROR = 2
MAX_PODS = 10_000
MAX_SPEED = 100.0


class _Parser(argparse.ArgumentParser):
    """Reports errors in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        say(f"{message} (see python -m simulator --help)")
        raise SystemExit(USAGE_ERROR)


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    return parse


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_SPEED:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to {MAX_SPEED:.0f}, not {text!r}")
    return value


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; an error ends the program with exit code 2."""
    parser = _Parser(prog="python -m simulator", description="A simulated LLM serving fleet on loopback.")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="steady")
    parser.add_argument("--pods", type=_integer(1, MAX_PODS), help="engine pods (default: those of the blueprint)")
    parser.add_argument("--seed", type=_integer(0, 2**31), default=1)
    parser.add_argument("--speed", type=_speed, default=1.0, help="simulated seconds per real second")
    parser.add_argument("--port", type=_integer(0, 65_535), default=0, help="of the API server; 0 chooses a free one")
    parser.add_argument("--folder", type=Path, help="for its files; removed at the end (default: a new one)")
    parser.add_argument("--until-stdin-closes", action="store_true", help="exit with the process that started this")
    return parser.parse_args(argv)


async def run(options: argparse.Namespace) -> None:
    """Serve until told to stop."""
    clock = RealtimeClock(time.time(), options.speed)

    def make_world(store: Store, prefix: str) -> World:
        return Fleet(
            store,
            clock,
            scenario=SCENARIOS[options.scenario],
            pods=options.pods,
            seed=options.seed,
            pod_prefix=prefix,
        )

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    if options.until_stdin_closes:
        threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    async with serving(make_world, clock, port=options.port, folder=options.folder) as running:
        described = running.describe() | {"scenario": options.scenario, "seed": options.seed}
        print(orjson.dumps(described).decode(), flush=True)
        await stop.wait()


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # os.read, since a thread that sleeps inside sys.stdin would hold a lock that the interpreter needs at its end.
    with contextlib.suppress(OSError):  # a stdin that was closed before the start has ended, too
        while os.read(0, 4096):
            continue
    loop.call_soon_threadsafe(stop.set)


def main() -> None:
    """Start from the command line."""
    options = arguments()
    try:
        asyncio.run(run(options))
    except FleetSizeError as error:
        say(f"cannot serve: {error}")
        raise SystemExit(2) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"cannot serve: {where}{error.strerror or error}")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
