"""``quarterdeck audit show | verify | export``. Reads; works in read-only mode, and on a copy of a log anywhere."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from actions.audit import export
from actions.audit.anchor import anchors_json, read_anchors
from actions.audit.history import RecordedAction
from actions.audit.opened_logs import Opened, open_file, open_folder
from actions.audit.query import AuditQuery
from actions.audit.words import RecordFact, moment, opened_text, summary
from console.cli import exit_codes, interruptible, streams
from console.cli.dispatch import Invocation, say
from console.cli.output import glyphs_of, write_sheet
from console.cli.shared_flags import FORMS
from console.report.sheets.audit import actions_sheet
from console.report.sheets.sheet import Sheet
from console.wiring.audit_folder import audit_logs
from widgets.untrusted import untrusted, untrusted_line

VERIFIED = "quarterdeck/audit-verify/v1"
_FILTERS = ("since", "until", "person", "target", "action")
_LABEL = 9
EVERY = 2.0
"""Seconds between two looks of --watch."""


def run(invocation: Invocation) -> int:
    """Exit 0 if the log is unchanged, 1 if it was changed, 2 if it cannot be read."""
    options = invocation.options
    if (misplaced := _misplaced(options)) is not None:
        say(misplaced)
        return exit_codes.USAGE
    if options.watch:
        return _watch(invocation)
    try:
        log = _open(invocation)
    except OSError as error:
        return _refused(error)
    except ValueError as error:
        say(untrusted(str(error)))
        return exit_codes.USAGE
    if options.what == "verify":
        _verify(log, as_json=options.json)
    else:
        _print_state(log)
        form = options.format or "json" if options.what == "export" or options.json else ""
        selected = log.select(_filter(options))
        if options.what == "show" and options.output is not None:
            document = partial(_document, "json", selected, log)
            write_sheet(options.output, actions_sheet(selected), lambda: document().removesuffix("\n"), glyphs_of())
            return exit_codes.OK if log.intact else exit_codes.PROBLEM
        output = _document(form, selected, log)
        if options.output is None:
            write = streams.document if form == "json" else streams.page
            write(output.removesuffix("\n") if form == "json" else output)
        else:
            try:
                _write(Path(options.output), output.encode())
            except OSError as error:
                return _refused(error)
    return exit_codes.OK if log.intact else exit_codes.PROBLEM


def _watch(invocation: Invocation) -> int:
    """Print the actions, then each that is begun and each new outcome, until Ctrl-C."""
    from console.cli.watch import again, watch

    options = invocation.options
    intact: bool | None = None

    async def sheet() -> Sheet:
        nonlocal intact
        log = await asyncio.to_thread(_open, invocation)
        if log.intact is not intact:
            intact = log.intact
            _print_state(log)
        return actions_sheet(log.select(_filter(options)))

    try:
        return interruptible.run(watch(again(sheet, EVERY, "reading the audit log"), options.output or "", glyphs_of()))
    except OSError as error:
        return _refused(error)
    except ValueError as error:
        say(untrusted(str(error)))
        return exit_codes.USAGE


def _misplaced(options: argparse.Namespace) -> str | None:
    """The flag that the command would not look at: a chain is checked as a whole."""
    allowed = {
        "show": {*_FILTERS, "json", "output", "watch"},
        "verify": {"json", "anchor"},
        "export": {*_FILTERS, "format", "output"},
    }
    for flag in (*_FILTERS, "json", "format", "output", "anchor", "watch"):
        if getattr(options, flag) and flag not in allowed[options.what]:
            others = " and ".join(what for what, flags in allowed.items() if flag in flags)
            return f"--{flag} works only with {others}"
    if options.what == "show" and options.output is not None:
        if options.output not in FORMS:
            return f'--output: "{options.output}" is not one of {", ".join(FORMS)}; export writes a file'
        if options.json:
            return "--json is the same as -o json: give only one"
    if options.watch and options.json:
        return "--watch prints a change per line: -o json"
    return None


def _refused(error: OSError) -> int:
    say(untrusted(f"{error.filename}: {error.strerror}"))
    return exit_codes.USAGE


def _open(invocation: Invocation) -> Opened:
    options = invocation.options
    anchors = [anchor for given in options.anchor or () for anchor in read_anchors(given)]
    if options.file is not None:
        return open_file(options.file, anchors)
    if options.dir is not None:
        options.dir.stat()  # a named log must exist
        return open_folder(options.dir, anchors)
    return open_folder(audit_logs(invocation.load().settings, invocation.environ), anchors)


def _filter(options: argparse.Namespace) -> AuditQuery:
    given = {name: getattr(options, name) for name in _FILTERS}
    return AuditQuery(**{name: value for name, value in given.items() if value is not None})


def _verify(log: Opened, *, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {"schema": VERIFIED, "intact": log.intact, "chains": export.as_chains(log)}
        if log.anchored:
            document["anchors"] = anchors_json(log.anchored)
        streams.document(json.dumps(document, indent=2))
        return
    for line in _lines(opened_text(log)):
        print(line)


def _print_state(log: Opened) -> None:
    """Print the state of the chain on stderr, separate from the data."""
    for fact in opened_text(log):
        say(untrusted(f"{fact.label}: {fact.text}" if fact.label else fact.text))


def _document(form: str, actions: Sequence[RecordedAction], log: Opened) -> str:
    match form:
        case "json":
            return export.to_json(actions, log, time.time())
        case "csv":
            return export.to_csv(actions)
        case "html":
            return export.to_html(actions, log, time.time())
        case _:
            return "".join(f"{line}\n" for line in _story(actions))


def _write(file: Path, data: bytes) -> None:
    """Write a file readable by its owner only: it contains names and reasons."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(data)


def _story(actions: Sequence[RecordedAction]) -> Iterator[str]:
    for number, action in enumerate(actions):
        if number:
            yield ""
        yield untrusted(f"{moment(action.began)}  {action.title}: {action.outcome}")
        yield from _lines(summary(action))
        yield f"  {'id':<{_LABEL}} {untrusted(action.id)}"


def _lines(facts: Sequence[RecordFact]) -> Iterator[str]:
    for fact in facts:
        for i, part in enumerate(fact.text.splitlines()):
            yield f"  {'' if i else fact.label:<{_LABEL}} {untrusted_line(part)}".rstrip()
