"""Progress of a start on stderr: one line that is overwritten on a terminal, elsewhere only news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.cli.local.start_progress import PhasePrinter
from console.report.sheets.local import servers_sheet
from console.report.sheets.sheet import sheet_lines
from tests.fleet.local.servers import BEGUN, dead, record
from themes.glyphs import UNICODE


@pytest.mark.parametrize("terminal", [True, False])
def test_reading_weights_is_told_where_a_line_can_be_written_over(
    *, terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    teller = PhasePrinter()
    for read in (1, 2, 4):
        teller.reading(read << 30, 4 << 30)
    teller.reading(0, 0)
    stderr = capsys.readouterr().err
    if not terminal:
        assert stderr == ""
        return
    assert [line[3:] for line in stderr.split("\r")[1:]] == [
        "weights read for their checksums: 1.0 GiB of 4.0 GiB (25 %)",
        "weights read for their checksums: 2.0 GiB of 4.0 GiB (50 %)",
        "weights read for their checksums: 4.0 GiB of 4.0 GiB (100 %)\n",
    ]


@pytest.mark.parametrize(("seen", "since"), [(True, "30s"), (False, "<30s")])
def test_a_server_whose_end_nobody_saw_is_not_said_to_have_ended_now(seen: bool, since: str) -> None:
    state = dead(record())
    state = replace(state, stage=replace(state.stage, began=BEGUN + 30.0), end_seen=seen)
    (_, row) = sheet_lines(servers_sheet([state]), None, UNICODE)
    assert row.split()[:3] == ["tiny", "dead", since]
