"""Causes that only a question shows: an engine that is ready and does not answer, or says what its peers do not."""

from __future__ import annotations

from fleet.diagnosis.canary import FAILURES, ODD, CanaryCause, CanaryPod, RouteCanaryCause
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import CANARY_SILENT
from fleet.diagnosis.sign import Fact
from fleet.model.counting import count
from fleet.model.severity import Severity

_FAILS: Fact[CanaryPod] = Fact(
    "questions for one token come to nothing",
    "canary",
    lambda of: of.answer.failures >= FAILURES,
    lambda of: f"{of.answer.failures} in a row, {of.answer.problem}" if of.answer.failures else "it answers",
)
_READY: Fact[CanaryPod] = Fact("Kubernetes calls it ready", "condition Ready", lambda of: of.pod.ready)
_LEAVES: Fact[CanaryPod] = Fact("it is leaving", "deletionTimestamp", lambda of: of.pod.deleted is not None)

UNANSWERED = CanaryCause(
    id=CANARY_SILENT,
    severity=Severity.CRITICAL,
    sentence="The engine is ready, and does not answer a question for one token.",
    words=says("canary: no answer"),
    must=(_FAILS, _READY),
    must_not=(_LEAVES,),
    explains=("errors",),
    alike=("engine-stuck", "engine-takes-nothing", "queue-deep", "engine-asleep"),
    helps=(
        Help("read the end of its log", "logs"),
        Help("start its pods anew, one after the other", "restart"),
    ),
    avoid=("Do not believe /health: it answers 200 while the engine hangs.",),
    decides=("whether tokens are generated for others: then it is full, and does not hang",),
)
DIFFERENT = CanaryCause(
    id="canary-says-otherwise",
    severity=Severity.WARNING,
    sentence="The engine answers a question otherwise than its peers of the same revision, again and again.",
    words=says("canary: other text than its peers"),
    must=(
        Fact(
            "its likeliest token is another than theirs",
            "canary",
            lambda of: of.answer.odd >= ODD,
            lambda of: (
                f"{of.answer.said!r}, theirs {of.answer.usual!r}, {count(of.answer.odd, 'time')} in a row"
                if of.answer.odd
                else "it says what they say"
            ),
        ),
    ),
    must_not=(_LEAVES,),
    helps=(
        Help("start it anew: weights that were damaged, or not restored after sleep, are read again", "restart"),
        Help("see what it runs, beside its peers", "describe"),
    ),
    avoid=("Do not look for it in latency or errors: wrong text is as fast as right text.",),
    decides=("the same prompt for more tokens, at temperature 0: one token may be a near tie",),
)
ROUTE = RouteCanaryCause(
    id="canary-route-fails",
    severity=Severity.CRITICAL,
    sentence="Engines answer when they are asked directly, and nothing comes through the gateway.",
    words=says("canary: the gateway does not answer"),
    must=(
        Fact(
            "questions through the gateway come to nothing",
            "canary",
            lambda of: of.answer.failures >= FAILURES,
            lambda of: f"{of.answer.failures} in a row, {of.answer.problem}" if of.answer.failures else "it answers",
        ),
        Fact(
            "engines answer directly",
            "canary",
            lambda of: of.answered > 0,
            lambda of: f"{of.answered}",
        ),
    ),
    helps=(Help("see what came before it", "past"), Help("see what stands in front of it", "describe")),
    avoid=("Do not restart the engines: they answer.",),
    decides=("the gateway's log: no route, no upstream, or a time that is over",),
)
