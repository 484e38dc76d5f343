"""The flags of ``quarterdeck ticket``. Imports nothing heavy: every command line is parsed with them."""

from __future__ import annotations

import argparse

from console.cli.shared_flags import add_wait


def add_ticket(parser: argparse.ArgumentParser) -> None:
    """Add the object, the two formats, and the wait for the sources."""
    parser.add_argument(
        "object",
        metavar="OBJECT",
        nargs="?",
        help="[KIND/]NAME, or the key of an incident (default: all that is wrong)",
    )
    forms, schema = parser.add_mutually_exclusive_group(), "quarterdeck/ticket/v1 (docs/screens.md)"
    forms.add_argument("-o", "--output", dest="form", choices=("md", "json"), default="md", help="Markdown, or JSON")
    forms.add_argument("--json", dest="form", action="store_const", const="json", help=f"the same as -o json: {schema}")
    add_wait(parser)
