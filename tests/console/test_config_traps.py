"""Configurations that are traps: refused in words, by every command, and never waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.config.load import Flag, load
from console.config.problem import ConfigError


def problems(file: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load({}, file=file, policy=file.parent / "no-policy")
    return "\n".join(str(problem) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=" + "[" * 5000, "nested"),
        ("a=" + "[" * 5000 + "]" * 5000, "nested"),
        ("a=" + "{b=" * 2000 + "1" + "}" * 2000, "nested"),
        (".".join("a" * 3000) + " = 1", "nested"),
        ("[" + ".".join("a" * 3000) + "]", "nested"),
        ("[keys]\n" + ".".join("a" * 3000) + " = 'x'", "nested"),
        ("a = " + "1" * 5000, "no"),
        ("[prometheus]\nheaders = { \"X-A\\r\\nX-B\" = 'v' }", "not a valid header name"),
        ("[prometheus]\nheaders = { \"\" = 'v' }", "not a valid header name"),
        ("[prometheus]\nheaders = { \"X A\" = 'v' }", "not a valid header name"),
        ('[prometheus]\nheaders = { "X-A" = "v\\r\\nX-B: w" }', "line break"),
        ('[prometheus]\nurl = "http://a\\u001b]0;x\\u0007"', "not a URL"),
        ('[prometheus]\nurl = "http://[::1"', "not a URL"),
        ('[prometheus]\nurl = "http://a:99999"', "not a URL"),
    ],
)
def test_a_trap_is_refused_in_words(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    assert expected in problems(file)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, Path("/dev/zero"), tmp_path):
        assert "is not a plain file" in problems(path)


def test_a_table_that_is_not_known_is_found_on_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("read_only = true\n\n[contexts.demo]\nproduction = true\n", encoding="utf-8")
    assert problems(file).startswith(f"{file}:3: unknown key contexts")


def test_a_flag_is_called_by_its_name_alone() -> None:
    with pytest.raises(ConfigError) as caught:
        load({}, flags=[Flag(("ui", "view"), "nosuch", "--view")], policy=Path("/nowhere"))
    assert str(caught.value.problems[0]).startswith('--view: there is no view "nosuch"')
