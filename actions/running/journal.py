"""The journal of one action run: its state, for display, and its records in the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from actions.running.action_run import ActionRun


class Audit(Protocol):
    """actions.audit: ``append`` returns when the record is on the disk, with the log's anchor then.

    Both raise AuditError, and may block.
    """

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> str | None: ...
    def check(self) -> None: ...


async def append(audit: Audit, event: str, action: str, content: Mapping[str, Any]) -> str:
    """Record it and return the log's anchor. The disk may be slow, the loop must not be. Raises AuditError."""
    return await asyncio.shield(asyncio.to_thread(audit.append, event, action, content)) or ""


class Journal:
    """One action run. ``changed`` is called with every new state of it."""

    def __init__(self, state: ActionRun, audit: Audit, changed: Callable[[ActionRun], None]) -> None:
        self.state = state
        self.anchor = ""
        """Anchor of the audit log after the last record."""
        self._audit = audit
        self._changed = changed

    async def check(self) -> None:
        """Find out that an action can be recorded to its end, before anything is sent. Raises AuditError."""
        await asyncio.shield(asyncio.to_thread(self._audit.check))

    async def record(self, event: str, content: Mapping[str, Any]) -> None:
        """Write it down: it is on the disk when this returns. Raises AuditError."""
        self.anchor = await append(self._audit, event, self.state.id, content)

    def update(self, **values: Any) -> None:
        """A newer state."""
        self.state = replace(self.state, **values)
        self._changed(self.state)

    def reach(self, *, reached: bool) -> None:
        """Note that the cluster may act on it, or has certainly done nothing so far."""
        if self.state.reached is not reached:
            self.update(reached=reached)
