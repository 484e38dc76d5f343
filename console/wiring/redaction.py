"""Redaction of what is written to disk of what was seen: as in the audit log, by the same rules."""

from __future__ import annotations

from functools import lru_cache

from actions.audit.redaction import redacted_arguments, redacted_text


class Redacting:
    """Implements fleet.recorder.objects.Redaction. The pods of a workload all say the same: it is worked out once."""

    def __init__(self) -> None:
        self.words = lru_cache(4096)(lambda command: tuple(redacted_arguments(command)))
        self.text = lru_cache(4096)(redacted_text)
