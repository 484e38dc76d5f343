"""The flags that every action has, whatever it acts on. Imports nothing of them: every command parses these."""

from __future__ import annotations

import argparse


def add_how(parser: argparse.ArgumentParser, dry_run: str, *, wait: bool) -> None:
    """How it is done. ``dry_run`` says what is not done then; ``wait``: the sources are waited for first."""
    group = parser.add_argument_group("how it is done")
    group.add_argument("--dry-run", action="store_true", help=f"print the plan and end; {dry_run}")
    group.add_argument("-y", "--yes", action="store_true", help="do not ask; needed where there is no terminal")
    group.add_argument("--reason", metavar="TEXT", default="", help="why: a ticket, say; goes into the audit log")
    group.add_argument("--json", action="store_true", help="quarterdeck/action/v1: the plan and the outcome")
    group.add_argument("--timeout", metavar="S", type=float, help="seconds to follow it (configuration: 1800)")
    if wait:
        group.add_argument("--wait", metavar="S", type=float, default=30.0, help="wait this long for the sources (30)")
