"""``quarterdeck local``: the vLLM servers on this machine. Reading commands are here, acting ones in actions.py."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from actions.spec import UsageError
from console.cli import exit_codes, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.output import glyphs_of, page_width, write_sheet
from console.config import paths
from console.config.settings import Settings
from console.report.sheets.local import servers_sheet
from console.report.sheets.sheet import Sheet
from fleet import guard
from fleet.files import is_there
from fleet.local.benches import read_benches
from fleet.local.errors import LocalError
from fleet.local.record import LOG, RECORD, ServerRecord, read_records, servers_folder
from fleet.local.server import ServerState
from fleet.local.tail import PAUSE, Tail
from widgets.untrusted import untrusted, untrusted_line

_TAB = 8
EVERY = 2.0
"""Seconds between two looks of --watch."""


def run(invocation: Invocation) -> int:
    """The exit code: see docs/local.md."""
    settings = invocation.load().settings
    what = invocation.options.local_command
    look = _LOOKS.get(what)
    try:
        if look is not None:
            return look(invocation, settings)
        if guard.is_locked():
            say(f"local {what} was refused: {guard.READ_ONLY}")
            return exit_codes.REFUSED
        from console.cli.local.actions import act

        return act(invocation, settings)
    except UsageError as error:
        say(error)
        return exit_codes.USAGE
    except LocalError as error:
        say(untrusted(error.message) + (f"\n  {untrusted(error.remedy)}" if error.remedy else ""))
        return exit_codes.USAGE


def folder_of(invocation: Invocation) -> Path:
    """Return the folder of server records."""
    return servers_folder(paths.state_folder(invocation.environ))


def record_of(invocation: Invocation, name: str) -> ServerRecord:
    """The server of this name. Raises LocalError."""
    records, problems = read_records(folder_of(invocation))
    for problem in problems:
        say(untrusted(problem))
    found = next((record for record in records if record.name == name), None)
    if found is None:
        known = ", ".join(record.name for record in records) or "none"
        raise LocalError(f"there is no server {name} on this machine", f"Servers: {known}.")
    return found


def _ls(invocation: Invocation, _: Settings) -> int:
    form, glyphs = invocation.options.form, glyphs_of()
    if invocation.options.watch:
        from console.cli.watch import again, watch

        async def sheet() -> Sheet:
            return servers_sheet((await _poll(folder_of(invocation)))[0])

        return interruptible.run(watch(again(sheet, EVERY, "asking the servers"), form, glyphs))
    servers, problems = interruptible.run(_poll(folder_of(invocation)))

    def document() -> str:
        from console.report.local import servers_json

        return servers_json(servers, problems)

    if servers or form not in ("", "table", "wide"):
        write_sheet(form, servers_sheet(servers), document, glyphs)
    if form in ("", "table", "wide"):
        if not servers:
            say("no servers on this machine: quarterdeck local up MODEL starts one")
        for state in servers:
            if state.reason is not None:
                say(untrusted(f"{state.name} died: {state.reason.text}"))
    for problem in problems:
        say(untrusted(problem))
    return exit_codes.PROBLEM if problems else exit_codes.OK


async def _poll(folder: Path) -> tuple[tuple[ServerState, ...], Sequence[str]]:
    from fleet.local.watch import Watcher

    watcher = Watcher(folder)
    try:
        return await watcher.poll(), watcher.problems
    finally:
        await watcher.close()


def _logs(invocation: Invocation, _: Settings) -> int:
    options = invocation.options
    log = _log_of(invocation, options.name)
    try:
        # The reader of a growing log treats an unreadable one as empty.
        log.open("rb").close()
    except OSError as error:
        raise LocalError(f"{log} cannot be read: {error.strerror or error}") from error
    tail = Tail(log)
    last: deque[str] = deque(maxlen=options.tail)
    while lines := tail.read():
        if options.tail is None:
            # A log of several days is not held in memory.
            _put(*lines)
        else:
            last.extend(lines)
    if not options.follow and tail.unfinished:
        last.append(tail.unfinished)
    _put(*last)
    while options.follow:
        # Ctrl-C ends it.
        lines = tail.read()
        _put(*lines)
        if not lines:
            time.sleep(PAUSE)
    return exit_codes.OK


def _log_of(invocation: Invocation, name: str) -> Path:
    """The log of a server; if it was taken down, of its last start. Raises LocalError."""
    folder = folder_of(invocation)
    kept = folder / name / LOG
    taken_down = all(record.name != name for record in read_records(folder)[0])
    # A name must not be a path: ``..`` would leave the folder.
    if (
        taken_down
        and name not in {"", ".", ".."}
        and Path(name).name == name
        and is_there(kept)
        and kept.is_file()
        and not (folder / name / RECORD).exists()
    ):
        say(untrusted(f"{name} was stopped: this is the log of its last start, {kept}"))
        return kept
    return record_of(invocation, name).log


def _put(*lines: str) -> None:
    for line in lines:
        print(untrusted_line(line, _TAB))
    sys.stdout.flush()


def _benches(invocation: Invocation, _: Settings) -> int:
    options = invocation.options
    try:
        found = read_benches(folder_of(invocation))
    except OSError as error:
        raise LocalError(f"the benchmarks cannot be read: {error.strerror or error}") from error
    if options.name:
        served = {
            record.spec.served for record in read_records(folder_of(invocation))[0] if record.name == options.name
        }
        found = tuple(bench for bench in found if bench.server == options.name or bench.model in served)
    if options.form:
        from console.report.local import benches_json
        from console.report.sheets.local import benches_sheet

        write_sheet(options.form, benches_sheet(found, glyphs_of()), lambda: benches_json(found), glyphs_of())
        return exit_codes.OK
    from console.cli.confirm import glyphs, print_lines
    from console.views.local.bench import benches_lines

    print_lines(benches_lines(found, None, (), page_width(), glyphs()))
    if not found:
        say("no benchmarks yet: quarterdeck local bench SERVER")
    return exit_codes.OK


def _entry(invocation: Invocation, _: Settings) -> int:
    from fleet.local.entries import entries

    options = invocation.options
    print(entries(record_of(invocation, options.name), options.gateway, options.address), end="")
    return exit_codes.OK


_LOOKS: dict[str, Callable[[Invocation, Settings], int]] = {
    "ls": _ls,
    "logs": _logs,
    "benches": _benches,
    "entry": _entry,
}
"""Commands that are allowed in read-only mode."""
