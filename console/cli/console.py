"""``quarterdeck``: the console; without a terminal, the fleet is printed once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from console.cli import exit_codes
from console.cli.dispatch import Invocation, say
from console.cli.garbage_collector import not_yet
from console.config.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from console.wiring.demo import Simulation, Starting


def run(invocation: Invocation) -> int:
    """Exit 0; without a terminal as ``quarterdeck snapshot --table``."""
    loaded = invocation.load()
    return show(invocation, loaded.settings, config=loaded.path)


def show(
    invocation: Invocation,
    settings: Settings,
    here: Settings | None = None,
    fleet: Starting | None = None,
    config: Path | None = None,
) -> int:
    """Run the console with these settings, or print the fleet without a terminal; ``here``: console.wiring.session.

    A simulated ``fleet`` may still be starting when the console opens; printing waits for it. Raises DemoError if it
    does not start.
    """
    terminal = invocation.environ.get("TERM", "")
    if invocation.options.record is not None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        say("--record needs the console, and the console needs a terminal\n  Start it in a terminal.")
        return exit_codes.USAGE
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _run_once(settings, fleet)
    if terminal in {"", "dumb"}:
        say(
            f"TERM={terminal} cannot show the console, so the fleet is printed once\n"
            "  Set TERM to the type of this terminal."
        )
        return _run_once(settings, fleet)
    not_yet()
    from console.cli.open_console import open_console
    from console.wiring.session import session_of

    if fleet is not None:
        # Wrong flags have been reported by now: no screen is opened for that.
        fleet.check()
    session = session_of(settings, here, invocation.environ, fleet, invocation.options.record)
    return open_console(settings, invocation.environ, session, here, config)


def started(fleet: Starting) -> Simulation:
    """Return the simulated fleet once it serves. Raises DemoError."""
    from console.cli import interruptible
    from console.cli.progress import with_progress

    return interruptible.run(with_progress(lambda: "starting the simulated fleet", fleet.ready()))


def _run_once(settings: Settings, fleet: Starting | None) -> int:
    if fleet is not None:
        started(fleet)
    from console.cli.one_snapshot import WAIT, explain, print_table, snapshot_within

    snapshot, code = snapshot_within(settings, WAIT)
    print_table(snapshot, settings)
    for line in explain(snapshot):
        say(line)
    return code
