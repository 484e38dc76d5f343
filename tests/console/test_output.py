"""The forms of a table: all say the same of the same rows, a pipe gets it whole, a terminal gets what fits."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import signal
import struct
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.cli.command_table import SNAPSHOT_TABLES
from console.cli.output import columns, page_width, write_sheet
from console.cli.snapshot import TABLES
from console.cli.watch import _Printer
from console.report.sheets.fleet import pods_sheet
from console.report.sheets.sheet import (
    DATA,
    WIDE,
    Sheet,
    SheetCell,
    SheetColumn,
    SheetRow,
    changes,
    sheet_lines,
    to_csv,
    words,
)
from tests.console.test_report import fleet
from tests.prefork import Program
from tests.simulator.api_process import simulator
from themes.glyphs import ASCII, UNICODE

COLUMNS = (
    SheetColumn("name", "NAME", least=8, keep="end"),
    SheetColumn("load", "LOAD", align="right", moves=True),
    SheetColumn("why", "WHY", least=10, priority=2),
    SheetColumn("image", "IMAGE", shown=WIDE),
    SheetColumn("kind", "", shown=DATA),
)


def row(name: str, load: float | None = 0.123456, why: str = "", image: str = "v1") -> SheetRow:
    number = SheetCell("–") if load is None else SheetCell(f"{load:.2f}", load)
    return SheetRow(name, f"pod/{name}", (words(name), number, words(why), words(image), words("Pod")))


LONG = "chat-" + "x" * 30 + "-k2p4q"
SHEET = Sheet(COLUMNS, (row(LONG, why="the reason is a long one, and then some more"), row("b", None)))


def test_a_pipe_gets_it_whole_and_a_terminal_what_fits() -> None:
    title, first, _ = sheet_lines(SHEET, None, UNICODE)
    assert title.split() == ["NAME", "LOAD", "WHY"]
    assert LONG in first
    assert first.endswith("and then some more")
    assert "IMAGE" in next(iter(sheet_lines(SHEET, None, UNICODE, wide=True)))
    for glyphs in (UNICODE, ASCII):
        for width in range(14, 100):
            lines = list(sheet_lines(SHEET, width, glyphs))
            assert max(map(len, lines)) <= width
    # Optional columns are dropped before names are truncated.
    narrow = list(sheet_lines(SHEET, 20, UNICODE))
    assert narrow[0].split() == ["NAME", "LOAD"]
    assert narrow[1].split()[0].endswith("-k2p4q")


def test_programs_get_numbers_in_full_and_nothing_for_what_is_not_known() -> None:
    first, second = csv.DictReader(io.StringIO(to_csv(SHEET), newline=""))
    assert first == {
        "name": LONG,
        "load": "0.123456",
        "why": "the reason is a long one, and then some more",
        "image": "v1",
        "kind": "Pod",
    }
    assert second["load"] == second["why"] == ""
    formula = Sheet(COLUMNS, (row("a", why="=HYPERLINK(1)"),))
    assert "'=HYPERLINK(1)" in to_csv(formula)


@pytest.mark.parametrize("form", ["json", "yaml", "name", "csv", "table", ""])
def test_every_form_is_of_the_same_rows(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_sheet(form, SHEET, lambda: json.dumps({"schema": "s", "pods": [LONG, "b"]}), UNICODE)
    out = capsys.readouterr().out
    assert LONG in out
    match form:
        case "json":
            assert json.loads(out)["pods"] == [LONG, "b"]
        case "yaml":
            assert yaml.safe_load(out) == {"schema": "s", "pods": [LONG, "b"]}
        case "name":
            assert out.split() == [f"pod/{LONG}", "pod/b"]


def test_a_width_is_that_of_the_stream_that_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 40, 0, 0))
    with os.fdopen(slave, "w") as terminal, Path(os.devnull).open("w") as file:
        assert columns(terminal) == page_width(terminal) == 40
        assert columns(file) is None
        assert page_width(file) > 120, "the requests of a plan are whole"
    os.close(master)


def test_an_object_with_several_rows_has_one_name(capsys: pytest.CaptureFixture[str]) -> None:
    write_sheet("name", Sheet(COLUMNS, (row("b"), row("a"), row("b"))), str, UNICODE)
    assert capsys.readouterr().out.split() == ["pod/b", "pod/a"]


def test_a_number_that_moves_is_no_change() -> None:
    before = Sheet(COLUMNS, (row("a", 1.0), row("b", 1.0), row("c", 1.0)))
    now = Sheet(COLUMNS, (row("a", 2.0), row("b", 2.0, "OOMKilled"), row("d")))
    assert [(change, one.key) for change, one in changes(before, now)] == [
        ("changed", "b"),
        ("added", "d"),
        ("gone", "c"),
    ]


def test_what_changes_is_told_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("table", "json", "csv", "name", "yaml"):
        printer = _Printer(form, UNICODE)
        printer.show(Sheet(COLUMNS, (row("a"), row("b"))))
        printer.show(Sheet(COLUMNS, (row("a", why="a reason that is wider than its column was"),)))
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert [line.split()[1:3] for line in lines[1:5]] == [
        ["added", "a"],
        ["added", "b"],
        ["changed", "a"],
        ["gone", "b"],
    ]
    assert lines[3].endswith("a reason that is wider than its column was")
    rows: list[Any] = [json.loads(line) for line in lines if line.startswith("{")]
    assert [(one["change"], one["name"]) for one in rows] == [
        ("added", "pod/a"),
        ("added", "pod/b"),
        ("changed", "pod/a"),
        ("gone", "pod/b"),
    ]
    assert len(list(yaml.safe_load_all(out[out.index("---") :]))) == 4


def test_every_table_of_the_fleet_can_be_made_and_its_columns_are_as_many_as_its_cells() -> None:
    assert tuple(TABLES) == SNAPSHOT_TABLES
    for make in TABLES.values():
        for glyphs in (UNICODE, ASCII):
            sheet = make(fleet(), glyphs)
            assert all(len(one.cells) == len(sheet.columns) for one in sheet.rows)
            assert list(sheet_lines(sheet, 80, glyphs))
            data = [column.key for column in sheet.columns if column.shown.data]
            assert len(set(data)) == len(data)
    seen = fleet()
    assert next(one.name for one in pods_sheet(seen, UNICODE).rows) == "pod/chat-1-bbbbb"
    nowhere = replace(seen, pods={key: replace(pod, node="") for key, pod in seen.pods.items()})
    assert not [row for row in pods_sheet(nowhere, UNICODE).rows if any(cell.text == '""' for cell in row.cells)]


def test_a_terminal_shows_what_is_wrong_before_further_numbers() -> None:
    for name in ("fleet", "workloads", "pods"):
        title, *lines = sheet_lines(replace(TABLES[name](fleet(), UNICODE), head=()), 80, UNICODE)
        assert "WHY" in title
        assert max(map(len, lines)) <= 80
        sick = next(line for line in lines if line[0] in "■▲")
        assert sick[title.index("WHY") :].strip(), name
        narrow = sheet_lines(replace(TABLES[name](fleet(), UNICODE), head=(), foot=()), 40, UNICODE)
        assert all(len(line) <= 40 and not line.endswith("…") for line in narrow), name


def test_a_fleet_is_watched_until_ctrl_c(tmp_path: Path) -> None:
    with simulator("--pods", "2") as there:
        env = {"HOME": str(tmp_path), "PATH": "", "KUBECONFIG": str(there.kubeconfig)}
        with Program("console.main", "snapshot", "workloads", "-w", "-o", "name", env=env) as program:
            assert program.line().startswith(("deployment/", "daemonset/", "statefulset/"))
            program.send_signal(signal.SIGINT)
            assert program.wait() == 0
            assert "Traceback" not in program.errors()
