"""Redaction of recorded observations, by the rules of the audit log."""

from __future__ import annotations

from functools import lru_cache

from actions.audit.redaction import redacted_arguments, redacted_text


class Redacting:
    """Implements fleet.recorder.objects.Redaction. Equal texts of a workload's pods are redacted once."""

    def __init__(self) -> None:
        self.words = lru_cache(4096)(lambda command: tuple(redacted_arguments(command)))
        self.text = lru_cache(4096)(redacted_text)
