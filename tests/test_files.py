"""A file holds one idea: one that passes 400 lines usually holds two."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "simulator", "tests", "themes", "widgets")
MOST = 400
LONGER: dict[str, str] = {}
"""Those that are longer, each with the reason why it is one idea."""


def test_no_file_is_long() -> None:
    files = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    lines = {file.relative_to(ROOT).as_posix(): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    long = {name: count for name, count in lines.items() if count > MOST}
    assert {name: count for name, count in long.items() if name not in LONGER} == {}
    assert LONGER.keys() - long.keys() == set(), "no longer longer"
