"""The flags of commands that write, replay and evaluate recordings."""

from __future__ import annotations

import argparse
from pathlib import Path

from console.cli.shared_flags import between
from console.config.moments import moment


def add_replay(parser: argparse.ArgumentParser) -> None:
    """The flags of ``replay``."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="?",
        help="file written by --record (default: the recording of the context)",
    )
    parser.add_argument(
        "--at",
        metavar="T",
        type=moment,
        help="start there: 2026-11-20T14:02Z (default: its beginning; without FILE its last hour)",
    )
    parser.add_argument("--speed", metavar="X", type=_speed, default=1.0, help="speed (1 is real time); 0 pauses")


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 <= speed <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not a speed: 0 pauses, 1 is real time, 60 is a minute per second")
    return speed


def add_scrub(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``record scrub``."""
    parser.add_argument("what", choices=("scrub",), help="remove names, addresses, prompts and secrets, to share it")
    parser.add_argument("file", metavar="IN", type=Path, help="a recording")
    parser.add_argument("out", metavar="OUT", type=Path, help="output file; must not exist")


def add_eval(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``eval``."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="NAME.qdr and NAME.toml of each case (docs/truth.md)")
    form = parser.add_mutually_exclusive_group()
    for name, about in (("json", "quarterdeck/eval/v1 (docs/truth.md)"), ("markdown", "tables in Markdown")):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, default="", help=about)
    parser.add_argument("--each", action="store_true", help="also every case that went wrong")
    parser.add_argument(
        "--jobs", metavar="N", type=between(1, 1024), help="cases at a time (default: one per processor)"
    )
