"""The doctor's report: lines for people, JSON (quarterdeck/doctor/v1) for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from console.doctor.check import DoctorCheck
from widgets.untrusted import untrusted

SCHEMA = "quarterdeck/doctor/v1"
_SUBJECT = 14


def lines(checks: Sequence[DoctorCheck]) -> Iterator[str]:
    """One line per check, its details and its fix indented under it."""
    for check in checks:
        yield f"{check.verdict:<4}  {check.subject:<{_SUBJECT}} {untrusted(check.finding)}"
        indent = " " * (_SUBJECT + 7)
        for detail in check.details:
            yield f"{indent}- {untrusted(detail)}"
        for number, line in enumerate(check.fix.splitlines()):
            yield f"{indent}{'fix: ' if number == 0 else '     '}{untrusted(line)}"


def to_json(checks: Sequence[DoctorCheck]) -> str:
    """Return the report as a document; fields without a value are present and empty."""
    return json.dumps({"schema": SCHEMA, "checks": [asdict(check) for check in checks]}, indent=2, ensure_ascii=False)
