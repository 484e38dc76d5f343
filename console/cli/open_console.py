"""Opening the console on this terminal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from textual.drivers.linux_driver import LinuxDriver

from console.app.app import QuarterdeckApp
from console.cli import exit_codes, garbage_collector, streams
from console.cli.dispatch import say
from console.cli.terminal_driver import TerminalDriver
from console.config import paths
from console.config.options import Options
from console.config.settings import Settings, UiSettings
from console.wiring.audit_folder import audit_logs
from themes.look import choose_look, use

if TYPE_CHECKING:
    from pathlib import Path

    from console.session.protocol import Session
    from themes.palette import Palette


_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class _Console(QuarterdeckApp):
    """The app with the exits of every other command: a crash is reported, and so are continuing actions."""

    def __init__(self, session: Session, options: Options) -> None:
        super().__init__(session, options)
        if self.driver_class is LinuxDriver:
            self.driver_class = TerminalDriver
        self.left_behind: Sequence[str] = ()
        """Actions that were under way when it ended."""

    async def run_async(self, **how: Any) -> None:
        """Run as Textual does; from the first frame on it handles requests to end."""
        for number in _ENDING:
            # Signals that the parent process made us ignore (nohup) stay ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self.hang_up)
        await super().run_async(**how)

    def on_mount(self) -> None:
        """Extend the app's own handler: Textual calls both."""
        self.set_timer(garbage_collector.FIRST, garbage_collector.collect_rarely)

    def hang_up(self) -> None:
        """End at once without a question: the terminal is gone."""
        self.exit(return_code=exit_codes.INTERRUPTED)

    def input_failed(self, error: Exception) -> None:
        self._handle_exception(error)

    def exit(self, *args: Any, **how: Any) -> None:
        self._look_back()
        super().exit(*args, **how)

    def _look_back(self) -> None:
        if self.desk is not None and not self.left_behind:
            self.left_behind = self.desk.actions.going_on()

    def _handle_exception(self, error: Exception) -> None:
        """End, and keep the error: Textual would print a traceback with every local variable in it."""
        self._look_back()
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._return_code = exit_codes.PROBLEM
        self._close_messages_no_wait()

    def crash(self) -> Exception | None:
        """Return the exception that ended the app, if it did not end as it should."""
        return self._exception

    def give_back(self) -> None:
        """The terminal as it was, where Textual did not come to that."""
        driver = self._driver
        if isinstance(driver, TerminalDriver):
            driver.give_back()


def _own_themes(ui: UiSettings) -> tuple[Palette, ...]:
    """The themes of the configuration: colours are imported before the first text only for these."""
    if not ui.themes:
        return ()
    from themes.own import own_palette

    return tuple(own_palette(name, each.like, each.styles) for name, each in ui.themes.items())


def _draw_on_the_terminal() -> None:
    """Make Textual draw on the terminal: it draws on stderr, which may be redirected (``2>errors.txt``)."""
    sys.__stderr__ = streams.canvas(2 if os.isatty(2) else 1)  # type: ignore[misc]


def open_console(
    settings: Settings,
    environ: Mapping[str, str],
    session: Session,
    here: Settings | None = None,
    config: Path | None = None,
    *,
    saves: bool = True,
) -> int:
    """Run the console until the user leaves it. An unexpected error is raised once the terminal is restored.

    ``config`` is the file that views are saved in; None where nothing is to be saved. ``saves``: logs and tickets may
    be saved as files.
    """
    _draw_on_the_terminal()
    ui = settings.ui
    theme = None if ui.theme == "auto" else ui.theme
    use(replace(choose_look(environ, sys.stdout.encoding, theme, ui.glyphs), own=_own_themes(ui)))
    options = Options(
        settings.read_only,
        settings.cluster.production,
        settings.keys,
        audit=audit_logs(settings, environ),
        audit_here=audit_logs(here or settings, environ),
        servers=paths.state_folder(environ) / "local",
        welcome=paths.state_folder(environ) / "welcomed" if ui.welcome else None,
        state=paths.state_folder(environ) if saves else None,
        view=ui.view,
        views=ui.views,
        config=config,
    )
    app = _Console(session, options)
    try:
        app.run()
    finally:
        app.give_back()
        for line in app.left_behind:
            say(line)
    if error := app.crash():
        raise error
    return app.return_code or exit_codes.OK
