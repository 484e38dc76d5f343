"""The generated pages and schemas are up to date with the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from console.config import docs as configuration
from console.config.sections import SECTIONS
from console.config.settings import Settings
from console.config.ui_tables import BuiltInTheme
from console.config.validate import leaves
from console.config.variables import settable
from console.report import dialects, findings
from console.report import docs as snapshot
from console.report.schema import SHIPPED, schema
from fleet.diagnosis.registry import CAUSES
from fleet.metrics.products import engines, is_read
from fleet.model.quantity import Quantity
from themes.look import ThemeName

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "lines", "command"),
    [
        ("configuration.md", configuration.lines, "python -m console.config.docs > docs/configuration.md"),
        ("snapshot.md", snapshot.lines, "python -m console.report.docs > docs/snapshot.md"),
        ("dialects.md", dialects.lines, "python -m console.report.dialects > docs/dialects.md"),
        ("findings.md", findings.lines, "python -m console.report.findings > docs/findings.md"),
    ],
)
def test_a_page_is_up_to_date(name: str, lines: object, command: str) -> None:
    assert callable(lines)
    assert (DOCS / name).read_text(encoding="utf-8").splitlines() == list(lines()), command


def test_every_finding_has_its_place_and_what_it_points_to_is_there() -> None:
    page = list(findings.lines())
    places = [line.removeprefix("### ") for line in page if line.startswith("### ")]
    assert sorted(places) == sorted(cause.id for cause in CAUSES)
    assert {name for line in page for name in re.findall(r"\(#([\w-]+)\)", line)} <= set(places)
    assert not [line for line in page if "<" in line and "object at" in line]


def test_the_schema_is_up_to_date() -> None:
    for file in (SHIPPED, DOCS / SHIPPED.name):
        assert file.read_text(encoding="utf-8") == schema(), "python -m console.report.schema"


def test_every_setting_has_a_description_and_a_line_in_the_page() -> None:
    page = "\n".join(configuration.lines())
    for path in leaves(Settings):
        assert f"`{path[-1]}`" in page or f"`[{path[-1]}]`" in page
    for key in settable():
        assert f"`QUARTERDECK_{'_'.join(key).upper()}`" in page
    assert len({key[0] for key in settable()}) == len(SECTIONS) + 1


def test_every_reading_is_explained() -> None:
    page = "\n".join(snapshot.lines())
    assert [q for q in Quantity if f"| `{q}` |" not in page] == []


def test_every_engine_that_is_known_by_name_stands_in_the_page_of_engines() -> None:
    rows = [line for line in (DOCS / "engines.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for engine in engines():
        (row,) = [row for row in rows if engine.name in row.split("|")[1].strip().split(", ")]
        text = row.split("|")[2].strip()
        assert text.startswith("read" if is_read(engine) else "not read yet" if engine.metrics else "have none")


def test_every_theme_can_be_chosen() -> None:
    assert set(get_args(BuiltInTheme)) == set(get_args(ThemeName))
