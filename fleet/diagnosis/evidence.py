"""The explanation of a finding: what is seen, what was ruled out and by which number, and what would decide.

Worked out when somebody asks: most findings of an incident are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis import registry
from fleet.diagnosis.cause import Cause, Help, Of
from fleet.diagnosis.looking import keys_beside, subject_of
from fleet.diagnosis.quantity_words import quantity_name, quantity_text
from fleet.diagnosis.sign import THROTTLE_REASONS, Lowered, MetricsRow
from fleet.model.finding import Finding
from fleet.model.frame import Frame
from fleet.model.quantity import MEANINGS, Quantity, Unit
from fleet.model.snapshot import Snapshot

_RATES = frozenset({Unit.PER_SECOND, Unit.TOKENS_PER_SECOND})


class Evidence(NamedTuple):
    """One thing that is seen."""

    text: str
    source: str
    """Source of it: ``prometheus``, ``kubernetes``."""
    window: float = 0.0
    """Seconds over which it is taken; 0 for what is so at one moment."""
    age: float = 0.0
    """Seconds since it was so, when the Snapshot was made."""


class Alternative(NamedTuple):
    """A cause that looks alike, and by what it is not that; by what it could be told, where that is not known."""

    cause: str
    """Id of the cause."""
    sentence: str
    by: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one finding."""

    evidence: tuple[Evidence, ...]
    ruled_out: tuple[Alternative, ...]
    open: tuple[Alternative, ...]
    """Causes that could not be ruled out, for want of an input."""
    decides: tuple[str, ...]
    helps: tuple[Help, ...]
    avoid: tuple[str, ...]


def explain(snapshot: Snapshot, finding: Finding) -> Explanation:
    """Explain a finding by the numbers of a Snapshot. Of an object that is gone: only what helps."""
    causes = {cause.id: cause for cause in registry.CAUSES}
    cause = causes[finding.cause]
    subject = subject_of(snapshot, cause.of, finding.key)
    seen = tuple(_evidence(snapshot, cause, subject)) if subject is not None else ()
    out: list[Alternative] = []
    still: list[Alternative] = []
    for name in cause.alike if subject is not None else ():
        known, by = _ruled(snapshot, cause.of, finding.key, causes[name])
        if known is not True:
            (out if known is False else still).append(Alternative(name, causes[name].sentence, by))
    return Explanation(seen, tuple(out), tuple(still), cause.decides, cause.helps, cause.avoid)


def _evidence(snapshot: Snapshot, cause: Cause[Any], subject: Any) -> Iterator[Evidence]:
    """Yield what its signs read, each number once."""
    told: set[str] = set()
    holding = [sign for sign in (*cause.may, *cause.serious) if sign.holds(subject)]
    for sign in (*cause.must, *holding):
        for text, quantity in _seen(sign, subject):
            if text not in told:
                told.add(text)
                yield _sourced(snapshot, cause.of, subject, text, quantity)


def _seen(sign: Any, subject: Any) -> Iterator[tuple[str, Quantity | None]]:
    """Yield what a sign reads of an object, in words: its numbers, or what it holds."""
    if isinstance(subject, MetricsRow):
        for quantity in sign.quantities:
            yield f"{quantity_name(quantity)}: {quantity_text(quantity, subject.value(quantity))}", quantity
        if not sign.quantities or (subject.said and THROTTLE_REASONS in sign.reads):
            said = ", ".join(subject.said)
            yield (f"{sign.name}: {said}" if said else sign.name), None
        return
    shown = sign.shows(subject) if hasattr(sign, "shows") else ""
    yield (f"{sign.name}: {shown}" if shown else sign.name), None


def _sourced(snapshot: Snapshot, kind: Of, subject: Any, text: str, quantity: Quantity | None) -> Evidence:
    if kind in (Of.ENGINE, Of.GPU, Of.REPLICA):
        frame: Frame = subject.frame
        rate = quantity is not None and MEANINGS[quantity].unit in _RATES
        return Evidence(text, snapshot.method or "metrics", snapshot.window if rate else 0.0, frame.age(subject.at))
    source = snapshot.of_objects
    return Evidence(text, source.name if source is not None else "kubernetes")


def _ruled(snapshot: Snapshot, kind: Of, key: str, other: Cause[Any]) -> tuple[bool | None, str]:
    """Whether another cause holds where it would have to, and by what that is told; None where it is not known."""
    places = keys_beside(snapshot, kind, key, other.of)
    subjects = [subject for place in places if (subject := subject_of(snapshot, other.of, place)) is not None]
    if not subjects:
        return None, f"{other.of.value}: nothing is known of it"
    answers = [_answer(other, subject) for subject in subjects]
    if any(known is True for known, _ in answers):
        return True, ""
    missing = next((by for known, by in answers if known is None), None)
    if missing is not None:
        return None, missing
    said = "; ".join(dict.fromkeys(by for _, by in answers))
    many = f", on all {len(answers)}" if len(answers) > 1 and len({by for _, by in answers}) == 1 else ""
    return False, said + many


def _answer(cause: Cause[Any], subject: Any) -> tuple[bool | None, str]:
    """Answer by the first sign that does not hold; else by one that is not known, or that must not hold and does."""
    held = [(sign, sign.holds(subject)) for sign in cause.must]
    for wanted, form in ((False, "{}"), (None, "{} is not known")):
        sign = next((sign for sign, holds in held if holds is wanted), None)
        if sign is not None:
            return wanted, form.format(_negated(sign, subject) if wanted is False else sign.reads)
    excluding = next((sign for sign in cause.must_not if sign.holds(subject)), None)
    return (True, "") if excluding is None else (False, ", ".join(text for text, _ in _seen(excluding, subject)))


def _negated(sign: Any, subject: Any) -> str:
    """Words for what is seen where a sign does not hold."""
    if isinstance(sign, Lowered):
        return f"what lowers its clocks: {', '.join(subject.said)}" if subject.said else "nothing lowers its clocks"
    if isinstance(subject, MetricsRow):
        return (
            ", ".join(text for text, quantity in _seen(sign, subject) if quantity is not None) or f"not so: {sign.name}"
        )
    shown = sign.shows(subject) if hasattr(sign, "shows") else ""
    return shown or f"not so: {sign.name}"
