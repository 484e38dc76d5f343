"""``quarterdeck config show | check | path``."""

from __future__ import annotations

from console.cli import exit_codes
from console.cli.dispatch import Invocation, say
from console.config.constraints import check_references
from console.config.load import located
from console.config.problem import Problem
from console.config.show import lines
from console.config.variables import unknown


def run(invocation: Invocation) -> int:
    """Run the command: ``path`` never fails; ``show`` and ``check`` exit 2 on an unusable configuration."""
    if invocation.options.action == "path":
        print(invocation.path())
        return exit_codes.OK
    loaded = invocation.load()
    if invocation.options.action == "show":
        for line in lines(loaded):
            print(line)
        return exit_codes.OK
    problems = [*located(loaded.origins, check_references(loaded.settings, invocation.environ))]
    for name, meant in unknown(invocation.environ):
        hint = f"Did you mean {meant}?" if meant else "quarterdeck config show lists all settings."
        problems.append(Problem(f"environment {name}", "no such setting", hint))
    for problem in problems:
        say(problem)
    # Warnings about the settings themselves were printed when they were loaded.
    problems += loaded.warnings
    if not problems:
        print(f"{loaded.path}: {'ok' if loaded.exists else 'does not exist; every setting has its default'}")
    return exit_codes.PROBLEM if problems else exit_codes.OK
