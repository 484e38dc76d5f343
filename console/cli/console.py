"""``quarterdeck``: the console; where there is no terminal for it, the fleet once."""

from __future__ import annotations

import sys

from console.cli.collector import collect_rarely
from console.cli.dispatch import Invocation, say
from console.config.settings import Settings


def run(invocation: Invocation) -> int:
    """Exit 0; without a terminal as ``quarterdeck snapshot --table``."""
    return show(invocation, invocation.load().settings)


def show(invocation: Invocation, settings: Settings, here: Settings | None = None) -> int:
    """The console with these settings, or what there is of it without a terminal; ``here``: console.wiring.session."""
    terminal = invocation.environ.get("TERM", "")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _once(settings)
    if terminal in {"", "dumb"}:
        say(
            f"TERM={terminal} cannot show the console, so this is the fleet, once\n  Set TERM to what this terminal is."
        )
        return _once(settings)
    collect_rarely()
    from console.cli.open import open_console

    return open_console(settings, invocation.environ, here)


def _once(settings: Settings) -> int:
    from console.cli.observe import WAIT, explain, once, print_table

    snapshot, code = once(settings, WAIT)
    print_table(snapshot, settings)
    for line in explain(snapshot):
        say(line)
    return code
