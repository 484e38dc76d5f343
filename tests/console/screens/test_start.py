"""What the first frame may not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["kubernetes", "aiohttp", "requests", "httpx", "pydantic", "orjson"])
def test_the_app_is_imported_without_what_is_heavy(module: str) -> None:
    code = f"import sys, console.app; print({module!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
