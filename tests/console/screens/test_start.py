"""The first frame and its limits."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

HEAVY = ["kubernetes", "aiohttp", "requests", "httpx", "pydantic", "orjson"]


@cache
def _modules(statement: str) -> frozenset[str]:
    """All that a fresh interpreter has imported after a statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return frozenset(done.stdout.split())


def _imported(statement: str, module: str) -> bool:
    return module in _modules(statement)


@pytest.mark.parametrize("module", HEAVY)
def test_no_screen_needs_what_is_heavy(module: str) -> None:
    assert not _imported("import console.app, console.app.desk, console.screens.fleet", module)


@pytest.mark.parametrize("module", ["fleet.model", "fleet.snapshot", "fleet.sources", "console.screens", "widgets"])
def test_the_first_frame_does_without_the_screens(module: str) -> None:
    assert not _imported("import console.app.app", module)


@pytest.mark.parametrize("module", ["fleet.model", "console.screens", "widgets.log_buffer"])
def test_opening_the_console_waits_for_nothing_that_comes_after_the_first_frame(module: str) -> None:
    assert not _imported("import console.cli.open_console", module)


@pytest.mark.parametrize(
    "module",
    ["console.session.local.servers", "console.session.local.watcher", "fleet.local.watch", "httpx", "psutil"],
)
def test_a_cluster_is_observed_without_what_is_for_this_machine_alone(module: str) -> None:
    assert not _imported("import console.wiring.sources", module)


@pytest.mark.parametrize("module", ["textual", "kubernetes", "pydantic", "httpx"])
def test_what_is_printed_once_does_without_the_console(module: str) -> None:
    assert not _imported("import console.cli.snapshot, console.cli.one_snapshot, console.wiring.sources", module)
