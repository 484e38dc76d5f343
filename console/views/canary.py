"""The canary on the page of a pod or workload: ``0.21s, 3s ago``."""

from __future__ import annotations

from console.views.incident_words import duration_text
from fleet.model.canary import CanaryOutcome
from fleet.model.snapshot import CANARY, Snapshot
from themes.palette import Role
from widgets.line import Span
from widgets.untrusted import untrusted_line
from widgets.values import seconds_text


def canary_text(snapshot: Snapshot, key: str) -> Span | None:
    """Return what came of the last question to a pod, or through the gateway of a workload; None where none is put."""
    if CANARY not in snapshot.facts.by_source:
        return None
    # Only needed if the canary is on.
    from fleet.diagnosis.families.canary_cause import answer_of

    answer = answer_of(snapshot, key)
    if answer is None:
        return None
    ago = f", {duration_text(snapshot.at - answer.at)} ago"
    if answer.outcome is CanaryOutcome.ANSWERED and answer.seconds is not None:
        text = f"{seconds_text(answer.seconds)}{ago}"
        if answer.odd:
            return Span(untrusted_line(f"{text}, says {answer.said!r}, its peers {answer.usual!r}"), Role.WARNING)
        return Span(text)
    role = Role.DIM if answer.outcome is CanaryOutcome.REFUSED else Role.WARNING
    return Span(untrusted_line(f"{answer.problem or answer.outcome.value}{ago}"), role)
