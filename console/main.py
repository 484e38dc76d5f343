"""The entry point: ``quarterdeck``, ``qd`` and ``kubectl quarterdeck``.

Imports only light modules of the standard library until it knows the command.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from console import __version__
from console.cli import exit_codes, streams


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; only SystemExit ever leaves it."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    streams.prepare()
    code = exit_codes.OK

    def run() -> None:
        nonlocal code
        try:
            code = _main(invoked_as(sys.argv[0]), arguments)
        except SystemExit:
            # Help and usage: Python would flush too late to catch an error.
            sys.stdout.flush()
            raise

    try:
        if not streams.write_out(run):
            return code or exit_codes.PROBLEM
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort: a person gets two lines, the report gets the traceback
        from console.cli.crash import report

        return report(error, arguments)
    return code


def invoked_as(path: str) -> str:
    """The name to use in usage lines: kubectl runs its plugins as ``kubectl-NAME``."""
    name = os.path.basename(path)  # noqa: PTH119  pathlib costs as much as the rest of --version
    if name.startswith("kubectl-"):
        return "kubectl quarterdeck"
    return name if name in {"quarterdeck", "qd"} else "quarterdeck"


def _main(prog: str, arguments: list[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        # A shell requests completions.
        from console.cli.completion import answer

        answer(prog)
        return exit_codes.OK
    if arguments in (["--version"], ["version"]):
        print(f"quarterdeck {__version__}")
        return exit_codes.OK
    if arguments in (["-h"], ["--help"], ["help"]):
        from console.cli import usage

        print(usage.text(prog), end="")
        return exit_codes.OK
    from console.cli.dispatch import dispatch

    return dispatch(prog, arguments)


if __name__ == "__main__":
    sys.exit(main())
