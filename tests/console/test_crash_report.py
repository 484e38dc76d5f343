"""A crash report may be sent to others: no secret of the command line or of the exception is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.report.crash import keep


def test_a_crash_report_has_no_secret_of_the_command_line_nor_of_the_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "XDG_STATE_HOME", str(tmp_path))
    words = [
        "local",
        "up",
        "m",
        "--env",
        "DB_PASS=hunter2xyz",
        "--prometheus",
        "https://u:hunter2xyz@h/",
        "-n",
        "serving",
    ]
    file = Path(keep(ValueError("no answer from https://h/?token=hunter2xyz"), words))
    text = file.read_text()
    assert "hunter2xyz" not in text
    assert "-n serving" in text
    assert "DB_PASS=[redacted]" in text
    assert file.stat().st_mode & 0o777 == 0o600
