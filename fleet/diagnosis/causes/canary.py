"""Causes that only a question shows: an engine that is ready and does not answer, or says what its peers do not."""

from __future__ import annotations

from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import CANARY_SILENT
from fleet.diagnosis.families.canary_cause import FAILURES, ODD, CanaryCause, CanaryPod, RouteCanaryCause
from fleet.diagnosis.sign import Fact
from fleet.model.counting import count
from fleet.model.severity import Severity

_FAILS: Fact[CanaryPod] = Fact(
    "one-token requests fail",
    "canary",
    lambda of: of.answer.failures >= FAILURES,
    lambda of: f"{of.answer.failures} in a row, {of.answer.problem}" if of.answer.failures else "it answers",
)
_READY: Fact[CanaryPod] = Fact("Kubernetes reports it ready", "condition Ready", lambda of: of.pod.ready)
_LEAVES: Fact[CanaryPod] = Fact("it is leaving", "deletionTimestamp", lambda of: of.pod.deleted is not None)

UNANSWERED = CanaryCause(
    id=CANARY_SILENT,
    severity=Severity.CRITICAL,
    sentence="The engine is ready but does not answer a one-token request.",
    words=says("canary: no answer"),
    must=(_FAILS, _READY),
    must_not=(_LEAVES,),
    explains=("errors",),
    lookalikes=("engine-stuck", "engine-takes-nothing", "queue-deep", "engine-asleep"),
    helps=(
        Help("read the end of its log", "logs"),
        Help("restart its pods one after another", "restart"),
    ),
    avoid=("Do not trust /health: it answers 200 while the engine hangs.",),
    decides=("whether tokens are generated for others: then it is full, not hung",),
)
DIFFERENT = CanaryCause(
    id="canary-says-otherwise",
    severity=Severity.WARNING,
    sentence="The engine repeatedly answers the same prompt differently from its peers of the same revision.",
    words=says("canary: text differs from its peers"),
    must=(
        Fact(
            "its most likely token differs from theirs",
            "canary",
            lambda of: of.answer.odd >= ODD,
            lambda of: (
                f"{of.answer.said!r}, theirs {of.answer.usual!r}, {count(of.answer.odd, 'time')} in a row"
                if of.answer.odd
                else "its text is the same as theirs"
            ),
        ),
    ),
    must_not=(_LEAVES,),
    helps=(
        Help("restart it: weights that were damaged, or not restored after sleep, are then read again", "restart"),
        Help("compare what it runs with its peers", "describe"),
    ),
    avoid=("Do not look for it in latency or errors: wrong text is as fast as right text.",),
    decides=("the same prompt with more tokens at temperature 0: a single token may be a near tie",),
)
ROUTE = RouteCanaryCause(
    id="canary-route-fails",
    severity=Severity.CRITICAL,
    sentence="Engines answer direct requests, but requests through the gateway fail.",
    words=says("canary: the gateway does not answer"),
    must=(
        Fact(
            "requests through the gateway fail",
            "canary",
            lambda of: of.answer.failures >= FAILURES,
            lambda of: f"{of.answer.failures} in a row, {of.answer.problem}" if of.answer.failures else "it answers",
        ),
        Fact(
            "engines answer direct requests",
            "canary",
            lambda of: of.answered > 0,
            lambda of: f"{of.answered}",
        ),
    ),
    helps=(Help("see what happened before", "past"), Help("see what is in front of it", "describe")),
    avoid=("Do not restart the engines: they answer.",),
    decides=("the gateway's log: no route, no upstream, or a timeout",),
)
