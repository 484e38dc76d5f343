"""Failures of the audit log, in words for the acting user."""

from __future__ import annotations


class AuditError(Exception):
    """The audit log cannot be written, so nothing may change. The text says why and what to do."""
