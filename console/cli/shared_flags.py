"""Flags shared by many commands: output formats, and options of actions. Imports nothing of ours: every command
parses these.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

FORMS: Final = {
    "table": "the columns that fit",
    "wide": "every column, nothing cut",
    "json": "a document, with exact numbers",
    "yaml": "the same document",
    "csv": "the rows, with exact numbers",
    "name": "KIND/NAME of each row",
}
"""Forms of a table on stdout, and what each has: console/cli/output.py writes them."""
FORM_HELP: Final = "table, wide (every column, nothing cut), json, yaml, csv or name"
_LONGEST: Final = 86_400.0
"""Seconds that may be waited for anything: a day, as in the configuration."""
_MOST: Final = 1_000_000_000


def add_output(parser: argparse.ArgumentParser, schema: str, *, table: str = "", watch: bool = False) -> None:
    """Add the output flags. ``schema`` is the JSON document; ``table``: the meaning of --table, if there is one."""
    form = parser.add_mutually_exclusive_group()
    add_form(form, FORM_HELP)
    form.add_argument("--json", dest="form", action="store_const", const="json", help=f"the same as -o json: {schema}")
    if table:
        form.add_argument("--table", dest="form", action="store_const", const="table", help=table)
    if watch:
        parser.add_argument("-w", "--watch", action="store_true", help="then print changes until Ctrl-C")


def add_form(parser: argparse._ActionsContainer, text: str) -> None:
    """Add the flag that chooses the format of a table."""
    parser.add_argument("-o", "--output", dest="form", metavar="FORM", choices=tuple(FORMS), default="", help=text)


def add_how(parser: argparse.ArgumentParser, dry_run: str, *, wait: bool) -> None:
    """Add the options of an action. ``dry_run``: the description of what is skipped; ``wait``: add the wait for
    sources.
    """
    group = parser.add_argument_group("how it is done")
    group.add_argument("--dry-run", action="store_true", help=f"print the plan and exit; {dry_run}")
    group.add_argument("-y", "--yes", action="store_true", help="do not ask; required without a terminal")
    group.add_argument(
        "--reason", metavar="TEXT", default="", help="reason, such as a ticket; recorded in the audit log"
    )
    group.add_argument("--json", action="store_true", help="quarterdeck/action/v1: the plan and the outcome")
    group.add_argument("--timeout", metavar="S", type=seconds, help="seconds to follow it (configuration: 1800)")
    if wait:
        group.add_argument("--wait", metavar="S", type=seconds, default=30.0, help="wait for the sources (30)")


def add_how_on_a_cluster(parser: argparse.ArgumentParser) -> None:
    """Add the flags of every action on a cluster."""
    add_how(parser, "only dry runs are sent", wait=True)


def add_record(parser: argparse.ArgumentParser) -> None:
    """``--record``, of the console and the demo."""
    parser.add_argument("--record", metavar="FILE", type=Path, help="record to FILE, for quarterdeck replay")


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add the wait for the sources."""
    parser.add_argument("--wait", metavar="S", type=seconds, default=30.0, help="wait this long for the sources (30)")


def seconds(text: str) -> float:
    """A length of time that can be waited for. Raises argparse.ArgumentTypeError."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    # Also false for "nan".
    if not 0 <= found <= _LONGEST:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number of seconds from 0 to {_LONGEST:.0f}')
    return found


def absolute(text: str) -> int:
    """Parse a number of something that there shall be. Raises argparse.ArgumentTypeError, also for ``+1``: the
    console's own command line takes that as one more.
    """
    try:
        found = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a whole number') from None
    if text.lstrip().startswith("+"):
        raise argparse.ArgumentTypeError(f'"{text}" could mean {found} or {found} more: give the number itself')
    return found


def between(low: int, high: int) -> Callable[[str], int]:
    """Return the parser of a whole number in a range, which raises argparse.ArgumentTypeError."""

    def parse(text: str) -> int:
        try:
            found = int(text)
        except ValueError:
            found = low - 1
        if not low <= found <= high:
            raise argparse.ArgumentTypeError(f'"{text}" is not a whole number from {low} to {high}')
        return found

    return parse


count = between(0, _MOST)
"""Parse a count."""
port = between(0, 65_535)
"""Parse a TCP port; 0 is any."""
