"""Progress of a start: one line that is overwritten on a terminal, a line per phase elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

from actions.running.action_run import ActionRun
from console.cli import streams
from console.cli.output import page_width
from console.views.plan import reading_text
from widgets.untrusted import untrusted
from widgets.values import age_text

_ELAPSED = re.compile(r", \d+ s$")


class PhasePrinter:
    """Progress on stderr. ``loading`` is called once its last step, which only waits, is under way."""

    def __init__(self, loading: Callable[[ActionRun], None] = lambda _: None) -> None:
        self._loading = loading
        self._printed = ("", "")
        self._open = False
        """True if the cursor is at the end of a line that may be overwritten."""

    def reading(self, read: int, size: int) -> None:
        """Show how much of the weights has been read during planning: actions.local.machine.Reading."""
        if size and sys.stderr.isatty():
            self._write_over(reading_text(read, size))
        elif not size:
            self._end()

    def changed(self, state: ActionRun) -> None:
        """A newer state of the action."""
        latest = state.latest
        if state.outcome is not None or latest is None:
            self._end()
            return
        step = state.plan.steps[latest.step].title
        count = f" [{latest.done:.0f}/{latest.total:.0f}]" if latest.total else ""
        eta = f", about {age_text(latest.eta)} more" if latest.eta else ""
        line = untrusted(f"{latest.step + 1}. {step}{count}{': ' + latest.text if latest.text else ''}{eta}")
        if sys.stderr.isatty():
            self._write_over(line)
        else:
            # Elapsed seconds alone are noise in a file.
            phase = _ELAPSED.sub("", latest.text)
            if (step, phase) != self._printed:
                self._printed = (step, phase)
                print(line, file=sys.stderr, flush=True)
        if latest.step == len(state.plan.steps) - 1:
            self._loading(state)

    def _write_over(self, line: str) -> None:
        streams.write_over(line[: page_width(sys.stderr) - 1])
        self._open = True

    def _end(self) -> None:
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False
