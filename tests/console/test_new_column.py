"""A new column: one row of the table of columns, and it is drawn, sorted by its key, and in the help.

The row is ``FEATHERS``. What is made from the columns (bindings, commands, documents) is made in a process of its own,
in which the row is there from the start, as it is for every column.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.views import fleet_columns
from console.views.columns import Shown, TableColumn
from fleet.model.objects import Pod, Workload
from fleet.model.snapshot import Snapshot
from widgets.cells import Cell, Text
from widgets.grid import GridColumn


def _feathers(snapshot: Snapshot, key: str) -> float:
    return float(len(key)) if key in snapshot.workloads else 1.0


def _cell(shown: Shown, row: Workload | Pod) -> Cell:
    return Text(f"{_feathers(shown.snapshot, row.key):.0f}f")


FEATHERS: fleet_columns.FleetColumn = TableColumn(
    GridColumn("feathers", "FEATHERS", 8, priority=0), _cell, _cell, _feathers, key="Q", words="feathers"
)


def play() -> None:
    """Run the console with the row; its screen goes to stdout."""
    fleet_columns.COLUMNS = (*fleet_columns.COLUMNS, FEATHERS)
    print(json.dumps(asyncio.run(_played())))


async def _played() -> dict[str, Any]:
    from console.commands.command import ScreenId
    from console.commands.help import help_lines
    from console.commands.reference import keys_markdown
    from tests.console.screens.desk import desk
    from tests.fleets import make_snapshot
    from themes.glyphs import UNICODE

    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        drawn = d.lines
        await d.press("Q")
        down = d.lines
        await d.press("Q")
        up = d.lines
    lines = help_lines(ScreenId.FLEET, {}, 100, UNICODE)
    helped = "\n".join("".join(span.text for span in line.spans) for line in lines)
    return {"drawn": drawn, "down": down, "up": up, "help": helped, "keys": keys_markdown()}


@pytest.fixture(scope="module")
def played() -> dict[str, Any]:
    code = "from tests.console.test_new_column import play; play()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def feathers(lines: list[str]) -> list[int]:
    """Return the numbers of the column for the workloads, from top to bottom; pods have 1."""
    numbers = [int(word[:-1]) for line in lines for word in line.split() if re.fullmatch(r"\d+f", word)]
    return [number for number in numbers if number > 1]


def test_it_is_drawn(played: dict[str, Any]) -> None:
    lines: list[str] = played["drawn"]
    assert any("FEATHERS" in line for line in lines)
    assert any("1f" in line.split() for line in lines), "of a pod"
    assert feathers(lines), "of a workload"


def test_its_key_sorts_by_it_and_again_the_other_way_round(played: dict[str, Any]) -> None:
    down, up = feathers(played["down"]), feathers(played["up"])
    assert len(set(down)) > 1
    assert down == sorted(down, reverse=True)
    assert up == sorted(up)


def test_it_is_in_the_help_and_in_the_documents(played: dict[str, Any]) -> None:
    assert " feathers" in played["help"]
    assert "| `shift-q` |  | Sort by feathers | fleet | `sort.fleet.feathers` |" in played["keys"]
