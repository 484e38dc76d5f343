"""The doctor's report: lines for people, JSON (quarterdeck/doctor/v1) for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from textwrap import wrap

from console.doctor.check import DoctorCheck
from widgets.untrusted import untrusted

SCHEMA = "quarterdeck/doctor/v1"
_SUBJECT = 14
"""Cells of the name of a check, at least."""
_LEAST = 20
"""Cells of text beside the names of the checks, however narrow the terminal is."""


def lines(checks: Sequence[DoctorCheck], width: int | None = None) -> Iterator[str]:
    """One line per check, its details and its fix indented under it; folded at ``width``, if there is one.

    A fix is to be copied, so it stays one line.
    """
    subject = max(_SUBJECT, *(len(check.subject) for check in checks), 0)
    indent = " " * (subject + 7)
    for check in checks:
        yield from _folded(f"{check.verdict:<4}  {check.subject:<{subject}} ", check.finding, width)
        for detail in check.details:
            yield from _folded(f"{indent}- ", detail, width)
        for number, line in enumerate(check.fix.splitlines()):
            yield f"{indent}{'fix: ' if number == 0 else '     '}{untrusted(line)}"


def _folded(lead: str, text: str, width: int | None) -> Iterator[str]:
    """Yield the lines of a text, below each other behind ``lead``."""
    whole = untrusted(text)
    room = None if width is None else max(width - len(lead), _LEAST)
    parts = wrap(whole, room, break_long_words=False, break_on_hyphens=False) if room is not None else [whole]
    for number, part in enumerate(parts or [""]):
        yield f"{lead if number == 0 else ' ' * len(lead)}{part}".rstrip()


def to_json(checks: Sequence[DoctorCheck]) -> str:
    """Return the report as a document; fields without a value are present and empty."""
    return json.dumps({"schema": SCHEMA, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False)
