"""Output formats of a table on stdout, for every command that prints one: ``--output``, as in kubectl."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

from console.cli import streams
from console.report.sheets.sheet import Sheet, sheet_lines, to_csv
from themes.glyphs import Glyphs
from themes.look import choose_glyphs

_USUAL: Final = 80
"""Cells of a terminal that does not report its width."""
WIDE: Final = 160
"""Cells of a page that no terminal limits."""


def columns(out: TextIO | None = None) -> int | None:
    """Return the width of the terminal that ``out`` (stdout) is, in cells; None for a file or a pipe, where nothing is
    truncated.
    """
    out = sys.stdout if out is None else out
    if not out.isatty():
        return None
    if (wanted := os.environ.get("COLUMNS", "")).isdecimal() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(out.fileno()).columns or _USUAL
    except OSError:
        return _USUAL


def page_width(out: TextIO | None = None) -> int:
    """Return the width of a page of text on ``out`` (stdout): its terminal's, else that of most lines."""
    found = columns(out)
    return WIDE if found is None else found


def glyphs_of(choice: Any = "auto") -> Glyphs:
    """Return the glyphs that stdout can show."""
    return choose_glyphs(os.environ, sys.stdout.encoding, choice)


def write_sheet(form: str, sheet: Sheet, document: Callable[[], str], glyphs: Glyphs) -> None:
    """Write a table in the requested format; ``document`` returns its JSON."""
    match form:
        case "json":
            streams.document(document())
        case "yaml":
            streams.page(as_yaml(json.loads(document())))
        case "csv":
            streams.page(to_csv(sheet))
        case "name":
            # An object may have several rows, and a command that is given the names takes each once.
            for name in dict.fromkeys(row.name for row in sheet.rows):
                print(name)
        case _:
            for line in sheet_lines(sheet, None if form == "wide" else columns(), glyphs, wide=form == "wide"):
                print(line)


def as_yaml(document: dict[str, Any]) -> str:
    """The same document as YAML."""
    import yaml

    # With libyaml if available: a fleet of thousands of pods is 50 MB.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    return text
