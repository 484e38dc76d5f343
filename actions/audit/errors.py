"""Faults of the audit log, in words for the person who wants to act."""

from __future__ import annotations


class AuditError(Exception):
    """The audit log cannot be written, so nothing may change. The text says why and what to do."""
