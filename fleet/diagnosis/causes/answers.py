"""Answers that are not what they usually are: cut off, almost empty, given up, or several per request.

Latencies and error ratios look well meanwhile: each of these requests ends with HTTP 200.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from fleet.diagnosis import thresholds_of_answers as limits
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import OVERLOAD, SLOWNESS
from fleet.diagnosis.causes.traffic import PREEMPTING, STALLS, STILL_STALLS
from fleet.diagnosis.families.traffic_cause import TrafficCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.serving import TrafficSubject
from fleet.model.before import Traffic
from fleet.model.severity import Severity

_THRICE = 3.0
"""Times the usual share from which a share is unusual (findings catalogue F50)."""
_PAST, _DESCRIBE = Help("see what happened before", "past"), Help("see how it is set up", "describe")
_LOGS = Help("read its log", "logs")


def _compared(
    name: str,
    reads: str,
    number: Callable[[Traffic], float],
    holds: Callable[[TrafficSubject, float, float], bool],
    form: str,
) -> Fact[TrafficSubject]:
    """A number of a workload and its usual one; unknown where one of them is."""

    def is_so(of: TrafficSubject) -> bool | None:
        now, usual = number(of.now), number(of.usual)
        return None if math.isnan(now + usual) else holds(of, now, usual)

    def words(of: TrafficSubject) -> str:
        now, usual = number(of.now), number(of.usual)
        return "" if math.isnan(now + usual) else f"{form.format(now)}, usually {form.format(usual)}"

    return Fact(name, reads, is_so, words)


_ENOUGH: Fact[TrafficSubject] = Fact(
    "enough requests to tell",
    "requests_per_second",
    lambda of: None if math.isnan(of.finished) else of.finished >= limits.ANSWERED.at(of.profile),
    lambda of: f"{of.finished:.1f} requests/s" if not math.isnan(of.finished) else "",
)
_TOKENS = "generation_tokens_per_second / requests_per_second"
_SHORT = _compared(
    "its answers are much shorter than usual",
    _TOKENS,
    lambda traffic: traffic.answer,
    lambda of, now, usual: (
        usual >= limits.ANSWER_WORTH.at(of.profile) and now <= limits.ANSWER_SHORT.at(of.profile) * usual
    ),
    "{:.0f} tokens",
)
EMPTY = TrafficCause(
    id="answers-almost-empty",
    severity=Severity.WARNING,
    sentence="Answers have hardly any tokens, while as many requests as before end well: users get empty texts.",
    words=says("answers are almost empty"),
    must=(_SHORT, _ENOUGH),
    # Whoever asks for a few tokens gets a few.
    must_not=(
        Fact(
            "most of its answers reach their limit",
            "requests_cut_off_per_second / requests_per_second",
            lambda of: None if math.isnan(of.now.cut) else of.now.cut >= limits.CUT_OFF.at(of.profile),
            lambda of: f"{of.now.cut:.0%} reach their limit",
        ),
    ),
    after=300,
    clears=300,
    lookalikes=("errors", "slow-after-rollout"),
    helps=(_PAST, Help("roll back to the previous revision", "rollback"), _DESCRIBE, _LOGS),
    avoid=("Do not trust latencies: they are better than ever.",),
    decides=(
        "one request, and its text: a model that ends at once has the wrong chat template, weights or number format",
        "who asks: another client may only want a word",
    ),
)
_LONG = _compared(
    "its answers are longer than usual",
    _TOKENS,
    lambda traffic: traffic.answer,
    lambda of, now, usual: now >= limits.ANSWER_LONG.at(of.profile) * usual,
    "{:.0f} tokens",
)
_CUT = _compared(
    "most of its answers reach their limit, much more than usual",
    "requests_cut_off_per_second / requests_per_second",
    lambda traffic: traffic.cut,
    lambda of, now, usual: now >= max(limits.CUT_OFF.at(of.profile), 1.5 * usual),
    "{:.0%}",
)
ENDLESS = TrafficCause(
    id="answers-run-on",
    severity=Severity.WARNING,
    sentence="Most answers run on until their limit cuts them off: the model does not end them any more.",
    words=says("answers run on to their limit"),
    must=(_CUT, _LONG, _ENOUGH),
    explains=(*SLOWNESS, "autoscaler-at-maximum", *OVERLOAD),
    after=300,
    clears=300,
    lookalikes=("long-prompts", "queue-grows"),
    helps=(_PAST, Help("roll back to the previous revision", "rollback"), _DESCRIBE),
    avoid=("Do not add replicas first: they would write more of the same.",),
    decides=(
        "the end of one answer: repetitions mean the model or its number format, a role's name the chat template",
        "what requests ask for: a client may have raised max_tokens, or ignore the end (ignore_eos)",
    ),
)
_GIVEN_UP = _compared(
    "clients give up many more requests than usual",
    "requests_aborted_per_second / requests_per_second",
    lambda traffic: traffic.aborted,
    lambda of, now, usual: now >= max(limits.ABORTED.at(of.profile), _THRICE * usual),
    "{:.0%}",
)
GIVEN_UP = TrafficCause(
    id="clients-give-up",
    severity=Severity.WARNING,
    sentence="Clients give up requests before they are answered, many more than usual: their work is wasted.",
    words=says("clients give up requests"),
    must=(_GIVEN_UP, _ENOUGH),
    after=300,
    clears=300,
    lookalikes=("route-timeout-short", "queue-deep", "slower-than-usual", "gateway-retries"),
    helps=(Help("see where the time goes", "why"), _PAST, Help("see the timeouts of its routes", "describe")),
    avoid=("Do not judge by the latency of finished requests: those that were given up are not among them.",),
    decides=("after how long they give up: the same time for all means a timeout, different times mean people",),
)
"""Findings catalogue F50."""
_MULTIPLIED = _compared(
    "a request asks for more answers than usual",
    "answers_per_request",
    lambda traffic: traffic.answers,
    lambda of, now, usual: now >= limits.ANSWERS_TIMES.at(of.profile) * usual,
    "{:.1f} answers per request",
)
MULTIPLIED = TrafficCause(
    id="answers-multiplied",
    severity=Severity.WARNING,
    sentence="Somebody asks for several answers per request (n): each counts as one, and all others get slower.",
    words=says("several answers per request slow it down"),
    must=(_MULTIPLIED, STALLS),
    must_not=(PREEMPTING,),
    explains=(*SLOWNESS, "long-prompts", *OVERLOAD),
    after=120,
    clears=300,
    keeps_firing=(_MULTIPLIED, STILL_STALLS),
    lookalikes=("long-prompts", "slower-than-usual", "kv-cache-preempts"),
    helps=(Help("limit n and logprobs at the gateway"), _PAST, Help("add replicas", "scale")),
    avoid=("Do not count requests to see the load: one with n=8 is eight.",),
    decides=("who sends them: the gateway's log or its usage per key has the requests with n or logprobs",),
)
"""Field notes N22 (vLLM issue 37343)."""
OF_ANSWERS = (EMPTY, ENDLESS, GIVEN_UP, MULTIPLIED)
"""Workloads whose answers are not what they usually are."""
