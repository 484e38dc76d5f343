"""The revisions of a workload as a table of the command line."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from actions.revisions import Revision
from console.report.sheets.revisions import revisions_sheet
from console.report.sheets.sheet import sheet_lines, to_csv
from fleet.model.objects import ModelVersion
from themes.glyphs import UNICODE

OLD = Revision(
    "chat-1",
    1,
    "hash-1",
    1000.0,
    "",
    "anna",
    current=False,
    pods=0,
    version=ModelVersion(image="reg/vllm:v0.31"),
    arguments=(),
)
NOW = replace(
    OLD, name="chat-2", number=2, created=90_000.0, current=True, pods=3, version=ModelVersion(image="reg/vllm:v0.32")
)


def test_what_differs_from_the_current_one_is_beside_each() -> None:
    sheet = revisions_sheet("Deployment", (NOW, OLD), 90_060.0, UNICODE)
    head, now, old = sheet_lines(sheet, None, UNICODE)
    assert head.split()[:3] == ["REVISION", "PODS", "AGE"]
    assert now.startswith("2 current")
    assert "image v0.32 → v0.31" in old
    assert "anna" not in old, "who is in the wide form"
    assert "anna" in list(sheet_lines(sheet, None, UNICODE, wide=True))[2]
    assert [row.name for row in sheet.rows] == ["chat-2", "chat-1"], "as --to takes it"
    first, second = csv.DictReader(io.StringIO(to_csv(sheet)))
    assert (first["revision"], first["current"], first["age"]) == ("2", "True", "60.0")
    assert (second["revision"], second["by"]) == ("1", "anna")


def test_none_is_said_so() -> None:
    *_, text = sheet_lines(revisions_sheet("Deployment", (), 0.0, UNICODE), None, UNICODE)
    assert text.strip() == "this Deployment keeps no revisions"
