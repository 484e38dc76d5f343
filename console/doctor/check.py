"""One check, and its result."""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass


class DoctorStatus(StrEnum):
    OK = "ok"
    WARN = "warn"
    """The console works and shows less than it could."""
    FAIL = "fail"
    """The tested thing failed."""


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """A line of the doctor's report."""

    subject: str
    """kubeconfig, permissions, prometheus …"""
    verdict: DoctorStatus
    finding: str
    details: tuple[str, ...] = ()
    fix: str = ""
    """Remedy, where possible as commands or as a snippet to paste; may have several lines."""
