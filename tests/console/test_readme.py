"""The promises of the README are kept."""

from __future__ import annotations

import re
from pathlib import Path

from console.cli import dispatch, exit_codes
from console.cli.parser import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_line_in_it_is_one() -> None:
    lines = re.findall(r"^(?:quarterdeck) ?([^#\n]*)", README, re.MULTILINE)
    assert len(lines) >= 4
    for line in lines:
        parse("quarterdeck", line.split())


def test_it_lists_every_command_and_no_others() -> None:
    cells = re.findall(r"^\| `quarterdeck ?([^|]*)` \|", README, re.MULTILINE)
    first = {name for cell in cells for name in re.findall(r"(?:^|`quarterdeck )([a-z]*)", cell)}
    # Several actions share a row; the words of one command (show, verify) are no commands.
    actions = {name for cell in cells if cell.startswith("scale") for name in re.findall(r"[a-z]+", cell)}
    listed = first | actions
    assert listed == {name or "" for name in dispatch.COMMANDS}


def test_it_lists_every_exit_code() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert codes == {
        exit_codes.OK,
        exit_codes.PROBLEM,
        exit_codes.USAGE,
        exit_codes.UNREACHABLE,
        exit_codes.REFUSED,
        exit_codes.INTERRUPTED,
    }


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert {t for t in targets if not (ROOT / t).exists()} <= {"docs/fleet.svg"}
    assert "docs/configuration.md" in targets


def test_every_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[<>=]", d)[0] for d in project["dependencies"]}
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    explained = {
        name.strip() for row in re.findall(r"^\| ([a-z0-9, -]+) \|", page, re.MULTILINE) for name in row.split(",")
    }
    assert named == explained - {"package"}
