"""Gateways and endpoint pickers, by their own numbers: what users get where the engines look well."""

from __future__ import annotations

import math
from collections.abc import Callable

from fleet.diagnosis import thresholds
from fleet.diagnosis import thresholds_of_answers as limits
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import GATEWAY_ERRORS, GATEWAY_QUEUE
from fleet.diagnosis.families.gateway_cause import GatewayCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.frontend_subject import is_most_of
from fleet.diagnosis.subjects.gateway_subject import GatewaySubject
from fleet.diagnosis.threshold import Threshold
from fleet.model.counting import count
from fleet.model.severity import Severity

_PAST = Help("see what happened before", "past")
_DESCRIBE = Help("see what routes to it", "describe")


def _reaches(
    name: str,
    reads: str,
    number: Callable[[GatewaySubject], float],
    least: Threshold,
    words: Callable[[GatewaySubject], str],
) -> Fact[GatewaySubject]:
    """A number at a threshold of the workload's profile, or above it; unknown where the number is."""

    def holds(of: GatewaySubject) -> bool | None:
        found = number(of)
        return None if math.isnan(found) else found >= least.at(of.profile)

    return Fact(name, reads, holds, words)


def _share(share: float, of: GatewaySubject) -> str:
    return "" if math.isnan(share) else f"{share:.1%} of {of.asked:.1f} requests/s"


_ENOUGH = _reaches(
    "enough requests to tell",
    "gateway_requests_per_second",
    lambda of: of.asked,
    thresholds.ASKED,
    lambda of: f"{of.asked:.1f} requests/s",
)
_READY: Fact[GatewaySubject] = Fact(
    "a replica is ready",
    "condition Ready of the pods",
    lambda of: of.ready > 0,
    lambda of: count(of.ready, "ready replica"),
)


def _above_none(number: Callable[[GatewaySubject], float]) -> Callable[[GatewaySubject], bool | None]:
    return lambda of: None if math.isnan(number(of)) else number(of) > 0


ERRORS = GatewayCause(
    id=GATEWAY_ERRORS,
    severity=Severity.WARNING,
    sentence="Gateways answer requests for the model with errors.",
    words=says("gateway answers with errors"),
    must=(
        _reaches(
            "gateways answer with errors",
            "gateway_errors_per_second / gateway_requests_per_second",
            lambda of: of.failed_share,
            thresholds.ERROR_RATIO,
            lambda of: _share(of.failed_share, of),
        ),
        _ENOUGH,
    ),
    serious=(
        _reaches(
            "so many that users notice",
            "gateway_errors_per_second / gateway_requests_per_second",
            lambda of: of.failed_share,
            thresholds.GATEWAY_ERRORS_SERIOUS,
            lambda of: f"{of.failed_share:.1%}",
        ),
    ),
    after=120,
    clears=300,
    lookalikes=("errors", "requests-turned-away", "gateway-breaker-open", "picker-sees-no-engine"),
    helps=(_DESCRIBE, _PAST, Help("read the logs of its replicas", "logs")),
    avoid=("Do not restart replicas that serve: an error of the gateway's own is in none of their counts.",),
    decides=("which status codes: 502 and 504 are the way to the engines, 503 no engine to send to, 500 the gateway",),
)
BREAKER = GatewayCause(
    id="gateway-breaker-open",
    severity=Severity.WARNING,
    sentence="A gateway has stopped sending requests to some servers: their circuit breakers are open.",
    words=lambda of: f"{count(of.breakers, 'circuit breaker')} open",
    must=(
        Fact(
            "circuit breakers are open",
            "gateway_breakers_open",
            _above_none(lambda of: of.breakers),
            lambda of: count(of.breakers, "server"),
        ),
    ),
    explains=(GATEWAY_ERRORS, "gateway-retries", "requests-turned-away", GATEWAY_QUEUE),
    after=60,
    clears=120,
    lookalikes=("engine-stuck", "errors", "pod-not-ready"),
    helps=(Help("read the logs of its replicas", "logs"), _DESCRIBE),
    avoid=("Do not add replicas: those that exist are not used.",),
    decides=("one request sent to such a server directly: if it answers, the gateway's view is old",),
)
RETRIES = GatewayCause(
    id="gateway-retries",
    severity=Severity.WARNING,
    sentence="Gateways send many requests a second time: servers fail or vanish while they answer.",
    words=says("gateway retries requests"),
    must=(
        _reaches(
            "gateways retry",
            "gateway_retries_per_second / gateway_requests_per_second",
            lambda of: of.retried_share,
            thresholds.RETRIED,
            lambda of: _share(of.retried_share, of),
        ),
        _ENOUGH,
    ),
    explains=("requests-turned-away",),
    after=120,
    clears=300,
    lookalikes=("errors", "engine-stuck", "crash-loop"),
    helps=(Help("see which replicas restart or fail", "describe"), _PAST),
    avoid=("Do not raise the number of retries: each of them is one more request for the replicas that are left.",),
    decides=("whether all retries leave the same server: then it is that server, else the network or the timeout",),
)
NO_ENDPOINTS = GatewayCause(
    id="picker-sees-no-engine",
    severity=Severity.CRITICAL,
    sentence="The endpoint picker has no engine to choose from, although replicas are ready: requests are rejected.",
    words=says("endpoint picker sees no engine"),
    must=(
        Fact(
            "the endpoint picker has no engine",
            "gateway_endpoints_ready",
            lambda of: None if math.isnan(of.endpoints) else of.endpoints == 0,
            lambda of: count(of.endpoints, "ready endpoint"),
        ),
        _READY,
    ),
    explains=(GATEWAY_ERRORS, "requests-turned-away", "gateway-retries", GATEWAY_QUEUE),
    after=60,
    clears=60,
    lookalikes=("service-selects-nothing", "no-replica-ready"),
    helps=(Help("compare the labels of its pods with the selector of the InferencePool", "describe"), _PAST),
    avoid=("Do not restart the replicas: they are ready, and nothing reaches them.",),
    decides=("whether the InferencePool's selector and port are those of the pods: kubectl get inferencepool -o yaml",),
)
BLIND = GatewayCause(
    id="picker-blind",
    severity=Severity.WARNING,
    sentence="The endpoint picker has no recent metrics of some engines: it takes them for full and avoids them.",
    words=lambda of: f"endpoint picker is blind for {count(of.stale, 'engine')}",
    must=(
        Fact(
            "metrics of engines are missing or old at the endpoint picker",
            "gateway_endpoints_stale",
            _above_none(lambda of: of.stale),
            lambda of: count(of.stale, "engine"),
        ),
    ),
    explains=(GATEWAY_ERRORS, "requests-turned-away", "replica-overloaded", GATEWAY_QUEUE),
    after=120,
    clears=120,
    lookalikes=("queue-deep", "picker-sees-no-engine"),
    helps=(_DESCRIBE, Help("see which targets Prometheus can scrape", "monitoring")),
    avoid=("Do not add replicas for a saturation of exactly 1.0: it also means that nothing is known.",),
    decides=("whether it scrapes the engines' path, port, scheme and key: its log names the failing address",),
)
_QUEUED: Fact[GatewaySubject] = Fact(
    "requests wait in the gateway",
    "gateway_requests_queued",
    lambda of: (
        None if math.isnan(of.queued) else of.queued >= thresholds.QUEUE_AT_MAXIMUM.at(of.profile) * max(1, of.ready)
    ),
    lambda of: "" if math.isnan(of.queued) else f"{of.queued:.0f} wait, {count(of.ready, 'ready replica')}",
)
QUEUE = GatewayCause(
    id=GATEWAY_QUEUE,
    severity=Severity.WARNING,
    sentence="Requests wait in the gateway for an engine: they are in none of the engines' queues.",
    words=says("requests wait in the gateway"),
    must=(_QUEUED,),
    explains=(GATEWAY_ERRORS, "requests-turned-away"),
    after=120,
    clears=180,
    lookalikes=("queue-deep", "picker-blind", "gateway-breaker-open"),
    helps=(Help("add replicas", "scale"), _DESCRIBE, _PAST),
    avoid=("Do not judge by the engines' queues: the gateway holds requests back so that those stay short.",),
    decides=("how full the engines are: with room in them, the gateway's limits or its view of them are wrong",),
)
"""Findings catalogue F03, where the queue is kept before the engines."""
DELAYS = GatewayCause(
    id="gateway-delays",
    severity=Severity.WARNING,
    sentence="First tokens are late at the gateway and not at the engines: the time is spent on the way to them.",
    words=says("gateway delays first tokens"),
    must=(
        Fact(
            "most of the time to first token is spent before the engines",
            "gateway_ttft_p50 - ttft_p50",
            lambda of: (
                None
                if math.isnan(of.delay)
                else of.delay >= thresholds.FRONTEND.at(of.profile) and is_most_of(of.ttft, of.delay)
            ),
            lambda of: (
                "" if math.isnan(of.delay) else f"{of.ttft:.2f} s at gateways, {of.engines_ttft:.2f} s at engines"
            ),
        ),
        _ENOUGH,
    ),
    must_not=(_QUEUED,),
    explains=("ttft-objective-missed",),
    after=300,
    clears=300,
    lookalikes=(GATEWAY_QUEUE, "queue-deep", "api-server-saturated"),
    helps=(
        Help("see the CPU limit of its container", "describe"),
        _PAST,
        Help("read the logs of its replicas", "logs"),
    ),
    avoid=("Do not add GPUs: they wait for requests.",),
    decides=(
        "the gateway's CPU: a picker that tokenizes long prompts needs up to a core per request a second",
        "one request sent past the gateway: if it is quick, the gateway is slow, or what it asks (guards, a login)",
    ),
)
"""Field notes N13 and N23."""


def _index_wrong(of: GatewaySubject) -> bool | None:
    if of.index_errors > thresholds.TRANSFER_FAILURES.at(of.profile):
        return True
    if math.isnan(of.looked_up + of.learned):
        return None
    return of.learned == 0 and of.looked_up >= thresholds.ASKED.at(of.profile)


INDEX_STALE = GatewayCause(
    id="picker-index-stale",
    severity=Severity.WARNING,
    sentence="The router's index of the engines' prefix caches is not fed: it routes by what they held before.",
    words=says("router's prefix index is not fed"),
    must=(
        Fact(
            "its index learns nothing, or its connections to the engines fail",
            "gateway_index_admissions_per_second, gateway_index_lookups_per_second, gateway_index_errors_per_second",
            _index_wrong,
            lambda of: ", ".join(
                f"{number:.1f} {what}/s"
                for number, what in (
                    (of.looked_up, "lookups"),
                    (of.learned, "blocks learned"),
                    (of.index_errors, "connection errors"),
                )
                if not math.isnan(number)
            ),
        ),
    ),
    explains=("prefix-cache-collapse", "replica-overloaded"),
    after=300,
    clears=300,
    lookalikes=("picker-blind", "prefix-cache-collapse"),
    helps=(Help("read the logs of its replicas", "logs"), _DESCRIBE, _PAST),
    avoid=("Do not restart the engines: their caches are well, and would be empty afterwards.",),
    decides=(
        "the engines' port and topic of cache events (--kv-events-config), and whether hash seed and block size agree",
    ),
)
"""Field notes N03."""
UNMATCHED = GatewayCause(
    id="pools-revisions-differ",
    severity=Severity.WARNING,
    sentence="The router finds no prefill and decode engines of one revision: a rollout is half done.",
    words=says("prefill and decode differ in revision"),
    must=(
        Fact(
            "no pair of one revision is found",
            "gateway_unmatched_revisions_per_second",
            lambda of: None if math.isnan(of.unmatched) else of.unmatched > thresholds.TRANSFER_FAILURES.at(of.profile),
            lambda of: "" if math.isnan(of.unmatched) else f"{of.unmatched:.1f} requests/s",
        ),
    ),
    explains=(GATEWAY_ERRORS, "requests-turned-away"),
    after=120,
    clears=120,
    lookalikes=("rollout-stuck", "revisions-differ"),
    helps=(Help("see what its newest pods wait for", "describe"), _PAST, Help("roll back", "rollback")),
    avoid=("Do not scale one of the two pools alone: the new pods are of the new revision.",),
    decides=("which of the two pools is behind: its rollout is held up",),
)
"""Field notes N24."""


def _lopsided(of: GatewaySubject) -> bool | None:
    halves = (of.prefill_load, of.decode_load)
    if any(map(math.isnan, halves)):
        return None
    return max(halves) >= limits.POOL_FULL.at(of.profile) and min(halves) < limits.POOL_ROOM.at(of.profile)


def _fuller(of: GatewaySubject) -> str:
    return "prefill" if of.prefill_load > of.decode_load else "decode"


LOPSIDED = GatewayCause(
    id="pools-unbalanced",
    severity=Severity.WARNING,
    sentence="Of the engines that compute prompts and those that generate tokens, one half is full and one has room.",
    words=lambda of: f"its {_fuller(of)} half is full, the other has room",
    must=(
        Fact(
            "one half of the pool is full, and the other has room",
            "gateway_prefill_saturation, gateway_decode_saturation",
            _lopsided,
            lambda of: (
                ""
                if math.isnan(of.prefill_load + of.decode_load)
                else f"prefill {of.prefill_load:.0%}, decode {of.decode_load:.0%}"
            ),
        ),
        _ENOUGH,
    ),
    # Engines of which nothing is known count as full.
    must_not=BLIND.must,
    explains=(GATEWAY_QUEUE, "requests-turned-away", "queue-deep", "queue-grows", "replica-unused"),
    after=300,
    clears=300,
    lookalikes=("picker-blind", "queue-deep", "long-prompts"),
    helps=(
        Help("add replicas of the half that is full, and take them from the other", "scale"),
        _PAST,
        Help("see how both are set up", "describe"),
    ),
    avoid=("Do not add replicas to both: half of them would wait for the other half.",),
    decides=("whether prompts or answers got longer: longer prompts fill the first half, longer answers the second",),
)
"""Field notes N06."""
OF_GATEWAYS = (ERRORS, BREAKER, RETRIES, NO_ENDPOINTS, BLIND, QUEUE, DELAYS, INDEX_STALE, UNMATCHED, LOPSIDED)
