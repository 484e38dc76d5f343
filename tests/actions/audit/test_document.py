"""The format in docs/audit.md is right: the program printed there comes to the same result."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from actions.audit.head import parse_head
from tests.actions.audit.logs import filled, log_in, only_file

PAGE = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """The program in the page, on a log."""
    [program] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    return subprocess.run(
        [sys.executable, "-I", "-c", program, str(folder)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("torn", [b"", b'{"action":"a9","at":1'])
def test_the_program_in_the_page_finds_a_log_as_it_was_written(tmp_path: Path, torn: bytes) -> None:
    folder = tmp_path / "audit"
    filled(folder, 2)
    with only_file(folder).open("ab") as file:
        file.write(torn)
    log_in(folder, limit=1_000).append("intent", "next", {"title": "é"})
    done = checked(folder)
    head = parse_head((folder / "head.json").read_bytes())
    assert head is not None
    assert (done.stdout, done.stderr) == (f"{head.seq} {head.digest}\n", "")


def test_the_program_in_the_page_finds_a_changed_byte(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    file = only_file(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"INC-7", b"INC-8", 1))
    done = checked(tmp_path)
    assert (done.returncode, done.stderr) == (1, f"{file}:1: not what was written\n")
