"""The flags of the commands that change nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from console.cli.command_table import SNAPSHOT_TABLES
from console.cli.recording_flags import add_eval, add_replay, add_scrub
from console.cli.shared_flags import add_output, add_record, add_wait, between, port
from console.config.moments import moment, moment_until


def _demo(parser: argparse.ArgumentParser) -> None:
    add_record(parser)
    parser.add_argument("--scenario", metavar="S", help="what happens to the fleet (default: steady)")
    parser.add_argument("--pods", metavar="N", type=int, help="how many pods")
    parser.add_argument("--seed", metavar="K", type=int, help="the same seed gives the same fleet")
    parser.add_argument("--speed", metavar="X", type=float, help="simulated seconds per second")
    parser.add_argument("--serve", action="store_true", help="only the fleet, for kubectl, curl and Prometheus")
    parser.add_argument("--port", metavar="P", type=port, help="port of its API server (default: any)")


def _snapshot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        nargs="?",
        choices=SNAPSHOT_TABLES,
        default="fleet",
        metavar="WHAT",
        help=f"{', '.join(SNAPSHOT_TABLES[:-1])} or {SNAPSHOT_TABLES[-1]} (default: fleet)",
    )
    schema = "quarterdeck/snapshot/v1 (docs/snapshot.md)"
    add_output(parser, schema, table="a plain table, worst first (default)", watch=True)
    add_wait(parser)


def _check(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "quarterdeck/check/v1 (docs/check.md)", watch=True)
    parser.add_argument("--now", action="store_true", help="count problems that have only begun")
    add_wait(parser)


def _slo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("suggest",),
        nargs="?",
        help="objectives that the fleet meets today, as TOML for the configuration",
    )
    add_output(parser, "quarterdeck/slo/v1 (docs/objectives.md)", watch=True)
    add_wait(parser)


def _why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", metavar="OBJECT", help="[KIND/]NAME of a workload or a pod")
    add_output(parser, "quarterdeck/why/v1 (docs/screens.md)")
    add_wait(parser)


def _ticket(parser: argparse.ArgumentParser) -> None:
    from console.cli.ticket_flags import add_ticket

    add_ticket(parser)


def _rules(parser: argparse.ArgumentParser) -> None:
    add_wait(parser)


def _timeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("object", metavar="OBJECT", nargs="?", help="KIND/NAME: what happened to it (default: to all)")
    parser.add_argument("--since", metavar="T", type=moment, help="6h (default), 2d, 2026-11-20 or 2026-11-20T14:02Z")
    add_output(parser, "quarterdeck/timeline/v1 (docs/timeline.md)", watch=True)


def _doctor(parser: argparse.ArgumentParser) -> None:
    add_output(parser, "quarterdeck/doctor/v1")


def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what",
        choices=("show", "verify", "export"),
        help="show the actions, check that the log was not changed, or export it",
    )
    parser.add_argument("--since", metavar="T", type=moment, help="2h, 7d, 2026-11-20 or 2026-11-20T14:02Z")
    parser.add_argument("--until", metavar="T", type=moment_until, help="the same")
    parser.add_argument(
        "--person", metavar="P", help="cluster identity, login or SSH origin; a substring, or a pattern with *"
    )
    parser.add_argument("--target", metavar="T", help="namespace/Kind/name or uid; a substring, or a pattern with *")
    parser.add_argument("--action", metavar="K", help="scale, drain, rollback …, or a prefix of an id")
    parser.add_argument("--json", action="store_true", help="show, verify: as JSON (docs/audit.md)")
    parser.add_argument("--format", choices=("json", "csv", "html"), help="export: format (json)")
    parser.add_argument(
        "--anchor",
        metavar="DIGEST|FILE",
        action="append",
        help="verify: the log must still contain the record with this digest, or those listed in this file "
        "(repeatable; docs/audit.md)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORM|FILE",
        help="show: table, wide, json, yaml, csv or name; export: the file to write (stdout)",
    )
    parser.add_argument("-w", "--watch", action="store_true", help="show: then print changes until Ctrl-C")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--dir", metavar="DIR", type=Path, help="folder of the log (default: yours)")
    place.add_argument("--file", metavar="FILE", type=Path, help="only this file of a log")


def _rbac(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("role", choices=("auditor", "oncall"), help="read everything, or also act")
    parser.add_argument(
        "--in", dest="in_namespace", metavar="NS", action="append", help="only in this namespace (repeatable)"
    )
    parser.add_argument("--user", metavar="U", action="append", help="bind it to this user (repeatable)")
    parser.add_argument("--group", metavar="G", action="append", help="bind it to this group (repeatable)")
    parser.add_argument("--logs", action="store_true", help="auditor: also pod logs")
    parser.add_argument("--proxy", action="store_true", help="also the API server's proxy to engines and Prometheus")


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=("show", "check", "path"), help="show the values, check the file, or print its path"
    )


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="shell to print the script for")


def _web(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where to listen (127.0.0.1)")
    parser.add_argument("--port", metavar="P", type=port, default=8300, help="port (8300; 0: any)")
    parser.add_argument("--cert", metavar="FILE", type=Path, help="TLS: certificate with its chain, PEM")
    parser.add_argument("--key", metavar="FILE", type=Path, help="TLS: its private key, if it is not beside it")
    several = between(1, 1000)
    parser.add_argument("--sessions", metavar="N", type=several, default=8, help="concurrent browser sessions (8)")


def _man(_: argparse.ArgumentParser) -> None:
    """Add nothing: it has no flags."""


LOOK_FLAGS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "demo": _demo,
    "snapshot": _snapshot,
    "check": _check,
    "slo": _slo,
    "why": _why,
    "ticket": _ticket,
    "rules": _rules,
    "timeline": _timeline,
    "replay": add_replay,
    "record": add_scrub,
    "eval": add_eval,
    "doctor": _doctor,
    "audit": _audit,
    "rbac": _rbac,
    "config": _config,
    "completion": _completion,
    "man": _man,
    "web": _web,
}
"""Command → its flags, for commands that change nothing."""
