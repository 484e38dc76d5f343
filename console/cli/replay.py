"""``quarterdeck replay [FILE]``: the console on a recording. Read-only, whatever the configuration says.

Without FILE: on the continuous recording of the current context.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Final

from console.cli import exit_codes, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import print_table
from fleet import guard
from fleet.recorder.problem import RecordingError

RECENT: Final = 3600.0
"""Seconds before the end of the continuous recording at which the replay begins: questions are mostly about the recent
past.
"""


def run(invocation: Invocation) -> int:
    """Exit 0; 2 for a file that is no recording. Without a terminal the fleet once, as it was at the end."""
    from console.wiring.replay import RecordedWiring, kept_file
    from fleet.recorder.model_json import stamped
    from fleet.recorder.reader import Recording

    options = invocation.options
    settings = invocation.load().settings
    # Before anything exists that could act: a recording is not the live state.
    guard.lock()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        file = options.file or kept_file(settings, invocation.environ)
        with Recording(file) as recording:
            first, last = recording.first, recording.last
            begin = last if not terminal else first if options.file is not None else max(first, last - RECENT)
            at = begin if options.at is None else options.at
            if not first <= at <= last:
                say(f"{file} is from {stamped(first)} to {stamped(last)} UTC: --at is not within")
                return exit_codes.USAGE
            # Unreadable files are reported here rather than on an empty screen.
            recording.at(at)
    except RecordingError as error:
        say(error.message + (f"\n{error.remedy}" if error.remedy else ""))
        return exit_codes.USAGE
    settings = replace(settings, read_only=True)
    wiring = RecordedWiring(settings, invocation.environ, file, at, options.speed)
    if not terminal:
        print_table(interruptible.run(wiring.connect("", "").observer.once(0.0)), settings)
        return exit_codes.OK
    from console.cli.garbage_collector import collect_rarely
    from console.cli.open_console import open_console
    from console.session.cluster_session import ObservingSession

    collect_rarely()
    return open_console(settings, invocation.environ, ObservingSession(wiring))
