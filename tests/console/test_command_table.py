"""One table of the command line: help, manual and completion are made from it and say what the parser takes."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actions.catalogue import commands as acting
from console.cli import command_table, completion, live_names, man
from console.cli.command_parser import COMMON
from console.cli.parser import build, parse
from simulator.scenarios import SCENARIOS
from tests.simulator.api_process import simulator

DOCS = Path(__file__).parents[2] / "docs"


def test_every_command_has_two_examples_or_three_and_each_is_one_that_it_takes() -> None:
    _, commands = build("quarterdeck")
    for name in commands:
        examples = command_table.of(name).examples
        assert 2 <= len(examples) <= 3, name
        for example in examples:
            words = re.split(r" [>|]", example.words)[0]
            options = parse("quarterdeck", shlex.split(words))
            assert options.command == words.split()[0], words


def test_help_of_a_command_tells_its_own_flags_and_those_of_all_once() -> None:
    parser, commands = build("kubectl quarterdeck")
    for name, command in commands.items():
        text = command.format_help()
        assert text.startswith(f"usage: kubectl quarterdeck {name}")
        own = {
            flag
            for group in command._action_groups
            if group.title != COMMON
            for action in group._group_actions
            if action.help != argparse.SUPPRESS
            for flag in action.option_strings
        }
        assert own <= set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", text))
        assert "--kubeconfig" not in text.replace("kubectl", "")
        assert text.count("kubectl quarterdeck --help") == 1
        assert "examples:" in text
    assert all(f"  {name} " in commands["demo"].format_help() for name in SCENARIOS)
    assert "which fleet" in parser.format_help()


def test_the_scenarios_that_are_listed_are_those_that_there_are() -> None:
    assert tuple(command_table.SCENARIOS) == tuple(SCENARIOS)


def test_the_manual_is_the_one_that_is_shipped_and_names_every_command_and_flag() -> None:
    """``python -m console.cli.man > docs/quarterdeck.1`` writes it."""
    assert (DOCS / "quarterdeck.1").read_text("utf-8") == man.page()
    text = man.page().replace("\\-", "-")
    _, commands = build("quarterdeck")
    for name, command in commands.items():
        assert f".SS quarterdeck {name}" in text
        assert all(
            flag in text
            for action in command._actions
            for flag in action.option_strings
            if action.dest != "help" and flag
        )
    assert not re.search(r"^[.'](?!(TH|SH|SS|TP|PP|RS|RE|B|BR)\b)", man.page(), re.MULTILINE), "roff would obey it"


def completed(*words: str, prefix: str = "", monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the shell completions for the word after ``words`` with this prefix."""
    from argcomplete.finders import CompletionFinder

    parser = completion.completing("quarterdeck", list(words))
    finder: Any = CompletionFinder(parser, always_complete_options=False)
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    lines: list[str] = finder._get_completions(["quarterdeck", *words], prefix, "", None)
    return [one.strip() for one in lines]


def test_a_shell_is_told_commands_flags_and_the_names_of_the_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ask(*words: str, prefix: str = "") -> list[str]:
        return completed(*words, prefix=prefix, monkeypatch=monkeypatch)

    assert set(acting()) <= set(ask())
    assert ask("snapshot", prefix="--wa") == ["--watch", "--wait"]
    assert ask("demo", "--scenario", prefix="g") == ["gpu-fault"]
    assert ask("snapshot", "-o", prefix="c") == ["csv"]
    assert ask("snapshot", prefix="g") == ["gpus"]
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert ask("--context") == ask("scale") == ask("snapshot", "-n") == []
    with simulator("--pods", "27") as fleet:
        monkeypatch.setenv("KUBECONFIG", str(fleet.kubeconfig))
        # Other machines may be slow.
        monkeypatch.setattr(live_names, "WITHIN", 20.0)
        assert "demo-auditor" in ask("--context")
        assert {"serving", "batch"} & set(ask("snapshot", "-n"))
        names = ask("scale")
        assert "night-72b" in names
        assert "night-72b-0" not in names, "it was made by night-72b"
        assert ask("scale", prefix=f"deployment/{names[0][:3]}")[0].startswith("deployment/")
        assert all(one.startswith("node/") for one in ask("drain", prefix="node/"))
        assert ask("--context", "demo-nobody", "why") == []
    assert live_names._safe(["a-1", "$(rm)", "a b", "-n", "ns/x.y"]) == ["a-1", "ns/x.y"]


def test_a_shell_is_told_the_themes_and_views_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[ui.themes.dusk]\nlike = "ansi"\n[ui.views.night]\nscreen = "nodes"\n')
    config = ("--config", str(file))
    assert completed(*config, "--view", monkeypatch=monkeypatch) == ["night"]
    themes = completed(*config, "--theme", monkeypatch=monkeypatch)
    assert {"dusk", "auto", "ansi", "quarterdeck-contrast"} <= set(themes)
    file.write_text("[ui.views")
    assert completed(*config, "--view", monkeypatch=monkeypatch) == [], "what is wrong is said by the command"


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("quarterdeck d", "drain:" + dict(command_table.in_group(command_table.ACT))["drain"]),
        ("quarterdeck --theme a", "ansi"),
        ("quarterdeck snapshot -o ", "csv:the rows, with exact numbers"),
        ("quarterdeck completion z", "zsh"),
    ],
)
def test_zsh_is_told_what_a_command_does_and_gets_no_colon_without_a_description(line: str, among: str) -> None:
    # zsh draws dashes behind a colon, in front of nothing.
    shell = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "zsh", "_ARGCOMPLETE_IFS": "\n"}
    asked = os.environ | shell | {"COMP_LINE": line, "COMP_POINT": str(len(line))}
    command = f"{shlex.quote(sys.executable)} -m console.main 8>&1 1>&2"
    ran = subprocess.run(["sh", "-c", command], env=asked, capture_output=True, text=True, timeout=60, check=True)
    assert among in [one.strip() for one in ran.stdout.split("\n")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_of_both_programs(shell: str) -> None:
    assert "quarterdeck" in completion.script(shell)
    assert "qd" in completion.script(shell)
