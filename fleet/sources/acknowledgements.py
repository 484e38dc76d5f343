"""The source of acknowledgements: what persons have written of incidents, read where their audit logs are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from fleet.model.acknowledgement import Acknowledgements
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import ACKNOWLEDGEMENTS
from fleet.sources.polling import PollingSource

EVERY: Final = 3.0
"""Seconds between two looks at the folder: files that have not grown are not read again."""


class AcknowledgementSource(PollingSource[Acknowledgements]):
    """``read`` returns the current acknowledgements and may block; it raises OSError if the ``folder`` cannot be
    read.
    """

    def __init__(self, read: Callable[[], Acknowledgements], folder: str) -> None:
        super().__init__(ACKNOWLEDGEMENTS, every=EVERY, endpoint=folder)
        self._read = read
        self.requests = 0

    async def ask(self) -> Acknowledgements:
        try:
            return await asyncio.to_thread(self._read)
        except OSError as error:
            raise SourceProblem(
                f"{error.filename}: {error.strerror}: acknowledgements are not known",
                "make the folder readable, or name another (audit_dir)",
            ) from error
