"""The way from a command line to the command that runs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from actions.catalogue import commands
from console.cli import exit_codes
from console.config import paths
from console.config.load import Loaded, chosen_file, load
from console.config.problem import ConfigError
from console.report.harmless import harmless
from fleet import guard
from fleet.dataclass import dataclass
from fleet.net import bodies

if TYPE_CHECKING:
    import argparse

    from console.config.settings import LimitSettings

COMMANDS = {
    "": "console.cli.console",
    "demo": "console.cli.demo",
    "snapshot": "console.cli.snapshot",
    "check": "console.cli.check",
    "slo": "console.cli.slo",
    "rules": "console.cli.rules",
    "why": "console.cli.why",
    "ticket": "console.cli.ticket",
    "timeline": "console.cli.timeline",
    "replay": "console.cli.replay",
    "doctor": "console.cli.doctor",
    "audit": "console.cli.audit",
    **dict.fromkeys(commands(), "console.cli.act"),
    "undo": "console.cli.act",
    "local": "console.cli.local.command",
    "rbac": "console.cli.rbac",
    "config": "console.cli.config",
    "completion": "console.cli.completion",
    "man": "console.cli.man",
    "record": "console.cli.record",
    "eval": "console.cli.evaluate",
    "web": "console.cli.web.command",
}
"""Command → module with its ``run``; only the chosen one is imported."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command line: its options, the program's name, and the environment."""

    prog: str
    options: argparse.Namespace
    environ: Mapping[str, str]
    policy: Path

    def load(self) -> Loaded:
        """The configuration in effect; warnings of it go to stderr. Raises ConfigError."""
        from console.cli.parser import setting_flags

        flags = setting_flags(self.options)
        loaded = load(self.environ, file=self._file(), flags=flags, policy=self.policy, check_keys=_check_keys)
        for warning in loaded.warnings:
            say(warning)
        if loaded.settings.read_only:
            # Before any client exists; nothing in this process unlocks it again.
            guard.lock(loaded.policy.allow)
        bodies.use(_limits(loaded.settings.limits))
        return loaded

    def path(self) -> Path:
        """The configuration file that would be read."""
        return chosen_file(self.environ, self._file())

    def _file(self) -> Path | None:
        file: Path | None = getattr(self.options, "config_file", None)
        return file


def _limits(settings: LimitSettings) -> bodies.Limits:
    """The limits of answers, as the settings have them in MiB."""
    every = {
        field.name: bodies.Limit(int(getattr(settings, field.name) * bodies.MIB), f"limits.{field.name}")
        for field in fields(settings)
    }
    return bodies.Limits(**every)


def dispatch(
    prog: str,
    arguments: Sequence[str],
    environ: Mapping[str, str] = os.environ,
    policy: Path = paths.SITE_POLICY,
) -> int:
    """Parse, run, and return the exit code. ``policy`` is another file only in tests."""
    from console.cli.parser import parse

    options = parse(prog, arguments)
    if getattr(options, "no_color", False):
        os.environ["NO_COLOR"] = "1"
    try:
        return _run(Invocation(prog, options, environ, policy))
    except ConfigError as error:
        for problem in error.problems:
            say(problem)
        return exit_codes.USAGE


def _run(invocation: Invocation) -> int:
    run: Callable[[Invocation], int] = import_module(COMMANDS[invocation.options.command or ""]).run
    return run(invocation)


def _check_keys(keys: Mapping[str, str]) -> list[str]:
    # Few users remap keys, and the table is expensive to import.
    from console.commands.keys import check_keymap

    return check_keymap(keys)


def say(message: object) -> None:
    """Print a message on stderr; stdout is for data.

    Only the first line has our prefix: outside text with several lines cannot pass for a second message.
    """
    first, *more = (harmless(line.strip()) for line in str(message).split("\n"))
    print("\n  ".join([f"quarterdeck: {first}", *more]), file=sys.stderr)
