"""The rule for tests that need something from outside: skipped with a reason, or failed where none may be skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.real("no-such-part")
def test_of_a_part(): ...

@pytest.mark.contract
def test_of_a_recording(): ...

@pytest.mark.real("python3")
def test_that_skips_itself(): pytest.skip("not today")

def test_without_needs(): pytest.skip("its own business")
"""


def outcomes(folder: Path, **environ: str) -> str:
    """Return the output of pytest for TESTS under our conftest, in a folder without recordings."""
    inner = folder / "checkout" / "tests"
    inner.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("conftest.py"), inner)
    (inner / "test_needs.py").write_text(TESTS)
    (inner / "pytest.ini").write_text("[pytest]\nmarkers =\n  real(part): x\n  contract: x\n")
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "-p", "no:xdist"]
    inherited = {name: value for name, value in os.environ.items() if name != "REQUIRE_REAL_PARTS"}
    done = subprocess.run(
        command, cwd=inner, env=inherited | environ, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout


def test_what_is_not_here_is_skipped_with_its_reason(tmp_path: Path) -> None:
    text = outcomes(tmp_path)
    assert "4 skipped" in text
    assert "needs no-such-part: no no-such-part on PATH" in text
    assert "needs the recordings of real servers beside the checkout" in text


def test_where_everything_is_supposed_to_be_here_a_skip_is_a_failure(tmp_path: Path) -> None:
    text = outcomes(tmp_path, REQUIRE_REAL_PARTS="1")
    assert "1 failed, 1 skipped, 2 errors" in text
    assert "must not be skipped here" in text


@pytest.mark.parametrize("name", ["KUBECONFIG", "QUARTERDECK_UI_THEME", "HTTPS_PROXY", "NO_COLOR"])
def test_nothing_of_the_person_who_runs_them_reaches_the_tests(name: str) -> None:
    assert name not in os.environ
