"""Marks in place of secrets."""

from __future__ import annotations

from typing import Final

MARK: Final = "[redacted]"


def mark(value: str) -> str:
    """Return MARK in the quotes of the value, so that YAML and JSON stay valid; an empty value stays empty."""
    quote = value[:1] if value[:1] in {'"', "'"} and value[-1:] == value[:1] and len(value) > 1 else ""
    return f"{quote}{MARK}{quote}" if value not in {"", '""', "''", MARK} else value


def unquoted(value: str) -> str:
    """A value without the quotes around it."""
    return value[1:-1] if len(value) > 1 and value[:1] in {'"', "'"} and value[-1] == value[0] else value
