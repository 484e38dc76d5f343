"""The process of a session: the console, drawn in a browser, read-only whatever the configuration says."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from console.cli import exit_codes
from console.cli.dispatch import Invocation, say
from console.config import paths
from console.config.problem import ConfigError
from fleet import guard


def main(flags: Sequence[str]) -> int:
    """Return the exit code: as that of the console."""
    from console.cli.parser import parse

    options = parse("quarterdeck", [*flags, "--read-only"])
    try:
        return _show(Invocation("quarterdeck", options, os.environ, paths.SITE_POLICY))
    except ConfigError as error:
        for problem in error.problems:
            say(problem)
        return exit_codes.USAGE
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort, as in console.main
        from console.cli.crash import report

        return report(error, list(flags))


def _show(invocation: Invocation) -> int:
    settings = invocation.load().settings
    if not guard.is_locked():
        # The flag sets it, and no other setting may undo it: otherwise nothing is shown.
        raise guard.RefusedError("a session that is not read-only was not opened")
    from console.cli.open_console import open_console
    from console.wiring.session import session_of

    session = session_of(settings, None, invocation.environ, None, None)
    # Files would be written where the server runs, by whoever watches.
    return open_console(settings, invocation.environ, session, saves=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
