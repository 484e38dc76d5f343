"""``quarterdeck scale``, ``drain``, ``rollback`` …: refused in read-only mode, where no acting code is imported."""

from __future__ import annotations

from console.cli import exit_codes
from console.cli.dispatch import Invocation, say
from fleet import guard


def run(invocation: Invocation) -> int:
    """The exit code: see docs/actions.md."""
    settings = invocation.load().settings
    if guard.is_locked():
        say(f"{invocation.options.command} was refused: {guard.READ_ONLY}")
        return exit_codes.REFUSED
    from console.cli import cluster_action

    return cluster_action.run(invocation, settings)
