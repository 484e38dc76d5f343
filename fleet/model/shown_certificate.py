"""Certificates that sources show."""

from __future__ import annotations

from typing import NamedTuple


class ShownCertificate(NamedTuple):
    """A certificate that was shown at a handshake with a source. Unix seconds."""

    whose: str
    """SERVER, or CLIENT for the console's own."""
    begins: float
    ends: float
