"""The console's environment on this machine: configuration, kubeconfig, terminal."""

from __future__ import annotations

from collections.abc import Mapping

from console.config.constraints import check_references
from console.config.load import Loaded, located
from console.config.problem import ConfigError
from console.doctor.check import DoctorCheck, DoctorStatus
from themes.look import choose_look

LEAST = (80, 24)
"""Columns and lines below which the screens leave things out."""


def check_configuration(loaded: Loaded | ConfigError, environ: Mapping[str, str]) -> DoctorCheck:
    """The configuration, as ``quarterdeck config check`` sees it."""
    if isinstance(loaded, ConfigError):
        problem_texts = tuple(str(problem).replace("\n", " ") for problem in loaded.problems)
        return DoctorCheck(
            "configuration",
            DoctorStatus.FAIL,
            "cannot be used; defaults are used below",
            problem_texts,
            "correct the file",
        )
    problems = [*loaded.warnings, *located(loaded.origins, check_references(loaded.settings, environ))]
    if problems:
        problem_texts = tuple(str(problem).replace("\n", " ") for problem in problems)
        return DoctorCheck(
            "configuration", DoctorStatus.WARN, str(loaded.path), problem_texts, "quarterdeck config check"
        )
    return DoctorCheck(
        "configuration", DoctorStatus.OK, f"{loaded.path}{'' if loaded.exists else ' (not there: defaults)'}"
    )


def check_terminal(
    environ: Mapping[str, str], encoding: str | None, size: tuple[int, int], *, interactive: bool
) -> DoctorCheck:
    """Check that the screens can be shown here, and how: (columns, lines), encoding, colours."""
    term = environ.get("TERM", "")
    if term in {"", "dumb"}:
        return DoctorCheck(
            "terminal",
            DoctorStatus.WARN,
            f"TERM={term} shows no screens, only tables",
            (),
            "export TERM=xterm-256color",
        )
    look = choose_look(environ, encoding)
    colours = "no colours (NO_COLOR)" if look.no_color else f"theme {look.theme}"
    finding = f"TERM={term}, {colours}, {'ASCII' if look.glyphs.ascii else 'Unicode'} glyphs"
    if not interactive:
        return DoctorCheck("terminal", DoctorStatus.OK, f"{finding}; not a terminal now, so tables are printed")
    finding += f", {size[0]}x{size[1]}"
    if look.glyphs.ascii:
        return DoctorCheck(
            "terminal", DoctorStatus.WARN, finding, (f"the encoding is {encoding}",), "export LC_ALL=C.UTF-8"
        )
    if size[0] < LEAST[0] or size[1] < LEAST[1]:
        return DoctorCheck(
            "terminal", DoctorStatus.WARN, finding, (), f"enlarge the window to at least {LEAST[0]}x{LEAST[1]}"
        )
    return DoctorCheck("terminal", DoctorStatus.OK, finding)
