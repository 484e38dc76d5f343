"""The source of acknowledgements: the audit logs that may be read, in read-only mode too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from actions.audit.acknowledged import AcknowledgementReader
from console.wiring.audit_folder import audit_logs
from fleet.sources.acknowledgements import AcknowledgementSource

if TYPE_CHECKING:
    from console.wiring.facts import InView


def acknowledgements(in_view: InView) -> Iterator[AcknowledgementSource]:
    """The acknowledgements of a cluster; none for this machine, whose servers have only this user on call."""
    if not in_view.is_machine:
        folder = audit_logs(in_view.settings, in_view.environ)
        yield AcknowledgementSource(AcknowledgementReader(folder).read, str(folder))
