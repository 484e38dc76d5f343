"""Broken latency promises: reported within minutes, hours before the budget of a month is spent.

Counted as objectives are: the share of the last five minutes' requests that were later than promised.
"""

from __future__ import annotations

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import Help
from fleet.diagnosis.families.missed_objective_cause import MissedObjectiveCause, MissedObjectives
from fleet.diagnosis.sign import Fact
from fleet.model.missed_objective import MissedObjective
from fleet.model.severity import Severity

BUDGETS = ("budget-burns-fast", "budget-burns")
_NEEDED = {"p99": 100.0}
_ENOUGH = 20.0
"""Events below which a percentile means nothing: 20, and 100 for a p99."""


def _counted(of: MissedObjectives) -> MissedObjective | None:
    """The first promise of which enough requests to tell."""
    return next((one for one in of.missed if one.events >= _NEEDED.get(one.percentile, _ENOUGH)), None)


def _seconds(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def _words(of: MissedObjectives) -> str:
    one = _counted(of) or of.missed[0]
    return f"{one.measure.upper()} {one.percentile} misses {_seconds(one.seconds)}: {one.bad:.0%} are late"


def _shares(of: MissedObjectives) -> str:
    return "; ".join(
        f"{one.measure.upper()}: {one.bad:.1%} of {one.events:.0f} later than {_seconds(one.seconds)} "
        f"in {one.window / 60:.0f} min, {one.allowed:.3g} allowed"
        for one in of.missed
    )


def _twice(of: MissedObjectives) -> bool | None:
    one = _counted(of)
    if one is None or of.percentile != of.percentile:
        return None
    return one is of.missed[0] and of.percentile > thresholds.LATE_SERIOUS.at(of.profile) * one.seconds


def _late(
    measure: str, name: str, sentence: str, helps: tuple[Help, ...], avoid: str, decides: str
) -> MissedObjectiveCause:
    return MissedObjectiveCause(
        id=f"{measure}-objective-missed",
        measure=measure,
        severity=Severity.WARNING,
        sentence=sentence,
        words=_words,
        must=(
            Fact("enough requests to tell", "objectives", lambda of: _counted(of) is not None),
            Fact[MissedObjectives](
                f"more {name} are late than the objective allows", "objectives", lambda of: bool(of.missed), _shares
            ),
        ),
        serious=(
            Fact[MissedObjectives](
                "it takes more than twice as long as promised",
                f"{measure} of the last minute",
                _twice,
                lambda of: _seconds(of.percentile),
            ),
        ),
        symptom=True,
        explains=BUDGETS,
        after=60,
        clears=600,
        helps=(Help("see where the time goes", "why"), *helps, Help("see what happened before", "past")),
        avoid=(avoid,),
        decides=(decides,),
    )


_SLO = Help("see what is left of each error budget", "slo")

TTFT_LATE = _late(
    "ttft",
    "first tokens",
    "Users wait longer for the first token than the objective allows.",
    (Help("add replicas", "scale"), _SLO),
    "Do not take the engine's TTFT as the users' wait: the gateway's queue is not in it.",
    "which part of the wait grew: the queue (too few replicas), or the prefill (longer prompts, a colder cache)",
)
"""Findings catalogue F32."""
ITL_LATE = _late(
    "itl",
    "tokens",
    "Tokens arrive more slowly than the objective allows.",
    (_SLO,),
    "Do not add replicas before you know that it is load: one slow replica or long prompts look the same.",
    "whether all replicas are slow or only some: some means a GPU, all means the load, the prompts or the revision",
)
"""Findings catalogue F33."""
E2E_LATE = _late(
    "e2e",
    "answers",
    "Requests take longer from end to end than the objective allows.",
    (_SLO,),
    "Do not judge it alone: it grows with the length of the answers, which users choose.",
    "whether answers got longer: then tokens arrive as fast as before, and nothing is slow",
)
"""Findings catalogue F34."""
OF_LATENCIES = (TTFT_LATE, ITL_LATE, E2E_LATE)
