"""Opening the console on this terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from console.app import QuarterdeckApp
from console.auditing import audit_logs
from console.cli import exits
from console.config import paths
from console.config.settings import Settings
from console.observing import ObservingSession
from console.options import Options
from themes.look import choose_look, use


class _Console(QuarterdeckApp):
    """The app, whose crashes are reported like those of every other command."""

    def _handle_exception(self, error: Exception) -> None:
        """End, and keep the error: Textual would print a traceback with every local variable in it."""
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._return_code = exits.PROBLEM
        self._close_messages_no_wait()

    def crash(self) -> Exception | None:
        """What ended the app, if it did not end as it should."""
        return self._exception


def _draw_on_the_terminal() -> None:
    """Textual draws on stderr: where that goes elsewhere (``2>errors.txt``), nobody would see the console."""
    if not os.isatty(2):
        drawing = open(1, "w", encoding=sys.stdout.encoding, errors="replace", closefd=False)  # noqa: SIM115
        sys.__stderr__ = drawing  # type: ignore[misc]


def open_console(settings: Settings, environ: Mapping[str, str], here: Settings | None = None) -> int:
    """Run the console until the person leaves it. An error that nobody foresaw is raised when the terminal is back."""
    _draw_on_the_terminal()
    ui = settings.ui
    theme = None if ui.theme == "auto" else ui.theme
    use(choose_look(environ, sys.stdout.encoding, theme, ui.glyphs))
    options = Options(
        settings.read_only,
        settings.cluster.production,
        settings.keys,
        audit=audit_logs(settings, environ),
        audit_here=audit_logs(here or settings, environ),
        nodes=paths.state_folder(environ) / "local",
    )
    app = _Console(ObservingSession(settings, here), options)
    app.run()
    if error := app.crash():
        raise error
    return app.return_code or exits.OK
