"""``quarterdeck record scrub IN OUT``: a copy of a recording that can be shared."""

from __future__ import annotations

from console.cli import exit_codes
from console.cli.dispatch import Invocation, say
from console.cli.progress import ProgressLine
from fleet.model.counting import count
from fleet.recorder.problem import RecordingError


def run(invocation: Invocation) -> int:
    """Exit 0; 2 for a file that is not a recording, and for an output file that exists."""
    from fleet.recorder.scrub import scrub

    options = invocation.options
    try:
        with ProgressLine() as line:
            replaced = scrub(options.file, options.out, line.counted("moments"))
    except RecordingError as error:
        say(error.message + (f"\n{error.remedy}" if error.remedy else ""))
        return exit_codes.USAGE
    print(f"{options.out}: {count(replaced, 'name')} replaced; times and numbers are unchanged (docs/recording.md)")
    return exit_codes.OK
