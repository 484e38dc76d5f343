"""Running requests on the pods that go, and whether they would be aborted."""

from __future__ import annotations

from collections.abc import Sequence

from actions.drain.hung_engines import GRACE
from actions.drain.options import AtDeadline
from actions.drain.requests import measured
from actions.drain.unit import DrainUnit
from actions.drain.wait import Terms
from actions.number_words import count, some_names, span
from actions.planning.plan import Check, Verdict
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

ABOUT = "running requests"


def expected(snapshot: Snapshot, unit: DrainUnit) -> tuple[float | None, float | None]:
    """Return a unit's number of requests, and the seconds until they have ended at the current rate."""
    seen = measured(snapshot, unit.front.key)
    if seen is None:
        return None, None
    rate = snapshot.by_pod.get(unit.front.key, Quantity.REQUESTS)
    if not seen.requests:
        return 0.0, 0.0
    return seen.requests, seen.requests / rate.value if rate.known and rate.value > 0 else None


def check_running(snapshot: Snapshot, units: Sequence[DrainUnit], terms: Terms) -> Check:
    """Check all units; report the worst."""
    watched = [unit for unit in units if unit.watched]
    if not watched:
        return Check(ABOUT, Verdict.PASS, "nothing is sent to it" if len(units) == 1 else "nothing is sent to them")
    known = [(unit, *expected(snapshot, unit)) for unit in watched]
    unseen = [unit.name for unit, requests, _ in known if requests is None]
    total = sum(requests or 0.0 for _, requests, _ in known)
    kept = [unit for unit in watched if unit.strategy.kept]
    hung = [unit.name for unit, requests, _ in known if requests and _is_stuck(snapshot, unit)]
    at_once = [unit for unit, requests, _ in known if not unit.strategy.waits and requests != 0.0]
    if kept:
        who = some_names(kept[0].strategy.kept)
        return Check(ABOUT, Verdict.WARN, f"{who} continues to send requests to {some_names([u.name for u in kept])}")
    if hung:
        hangs = "it hangs" if len(hung) == 1 else "they hang"
        end = "they are aborted" if terms.at_deadline is AtDeadline.EVICT else "the drain stops"
        text = f"no tokens come from {some_names(hung)} while requests run: {hangs}, and waiting will not finish them"
        remedy = "a short deadline" if terms.deadline > GRACE else ""
        return Check(ABOUT, Verdict.WARN, f"{text}; {end} after {span(terms.deadline)}", remedy)
    if at_once:
        grace = max(terms.deadline, max(unit.front.grace for unit in at_once))
        return Check(
            ABOUT,
            Verdict.WARN,
            f"{count(total, 'request')} on {some_names([u.name for u in at_once])}: evicted at once, they get "
            f"{span(grace)} of grace if the engine shuts down gracefully, otherwise they are aborted",
        )
    if unseen:
        return Check(
            ABOUT,
            Verdict.WARN,
            f"the requests of {some_names(unseen)} are not measured: if the engine cannot be queried either, each "
            f"gets the whole {span(terms.deadline)}",
        )
    return _timely([(requests or 0.0, eta) for _, requests, eta in known], terms)


def _is_stuck(snapshot: Snapshot, unit: DrainUnit) -> bool:
    """True if requests run on it, and none of them has progressed in the window."""
    rates = [snapshot.by_pod.get(unit.front.key, q) for q in (Quantity.GENERATION_TOKENS, Quantity.PROMPT_TOKENS)]
    running = snapshot.by_pod.value(unit.front.key, Quantity.RUNNING)
    return running > 0 and all(rate.known and rate.value == 0 for rate in rates)


def _timely(known: Sequence[tuple[float, float | None]], terms: Terms) -> Check:
    total = sum(requests for requests, _ in known)
    late = [(requests, eta) for requests, eta in known if eta is not None and eta > terms.deadline]
    if late:
        # At a constant rate, the remaining requests are those that did not get their turn before the deadline.
        cut = sum(requests * (1 - terms.deadline / eta) for requests, eta in late)
        then = (
            "would be aborted"
            if terms.at_deadline is AtDeadline.EVICT
            else "would still run, and the drain stops there"
        )
        return Check(
            ABOUT,
            Verdict.WARN,
            f"{count(total, 'request')}: about {cut:.0f} of them {then} after {span(terms.deadline)}",
            "a longer deadline",
        )
    if not total:
        return Check(ABOUT, Verdict.PASS, "none now")
    etas = [eta for _, eta in known if eta is not None]
    if len(etas) < len(known):
        rate = "their rate of completion is not known"
    else:
        rate = f"about {span(max(etas))} at the current rate"
    return Check(ABOUT, Verdict.PASS, f"{count(total, 'request')}: {rate}, at most {span(terms.deadline)}")
