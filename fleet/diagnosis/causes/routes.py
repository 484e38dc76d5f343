"""Faults in front of engines that are well: routes to nowhere, policies, certificates, and doors without a key.

By the objects that people declare, and only where those decide it: what a controller makes of them may be more.
"""

from __future__ import annotations

import math

from fleet.diagnosis.cause import Help
from fleet.diagnosis.causes.symptoms import SILENCE
from fleet.diagnosis.families.route_cause import RouteCause, RoutedSubject, renewal_due
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.model.exposure import Misrouted, RouteCertificate, RouteFault, UnissuedCertificate
from fleet.model.severity import Severity

_FEW = 20
"""Requests in a minute below which a percentile means little."""
_PAST = Help("see who changed it, and when", "past")
_SERVES: Fact[RoutedSubject] = Fact("engines are ready", "condition Ready of the pods", lambda of: of.ready > 0)
_NOTHING_RUNS: Fact[RoutedSubject] = Fact(
    "it is new, and nothing runs in them any more",
    "requests_running, and when the policies were written",
    lambda of: of.is_walled_anew and of.ran and of.running == 0 if of.running == of.running else None,
)
_NO_OTHER_WAY: Fact[RoutedSubject] = Fact(
    "no other route leads to them, and nothing runs in them any more",
    "backends of all routes, requests_running",
    lambda of: not of.exposure.routes and of.ran and of.running == 0 if of.running == of.running else None,
)


def _lost(of: RoutedSubject) -> list[Misrouted]:
    return [one for one in of.exposure.misrouted if one.fault is not RouteFault.REFUSED]


def _refused(of: RoutedSubject) -> list[Misrouted]:
    return [one for one in of.exposure.misrouted if one.fault is RouteFault.REFUSED]


def _shown(one: Misrouted) -> str:
    share = f", {one.share:.0%} of its requests" if one.share < 1 else ""
    fault = f"{one.fault} ({one.detail})" if one.detail else str(one.fault)
    return f"{one.route} → {one.target}, which {fault}{share}"


def _since(found: list[Misrouted]) -> tuple[float, str] | None:
    known = [one.since for one in found if one.since is not None]
    return (min(known), "the condition of the route") if known else None


LEADS_NOWHERE = RouteCause(
    id="route-leads-nowhere",
    severity=Severity.WARNING,
    sentence="A route to the model leads to a backend without endpoints: its requests are answered with errors.",
    words=lambda of: f"{_lost(of)[0].route}: {_lost(of)[0].target} {_lost(of)[0].fault}" if _lost(of) else "",
    must=(
        _SERVES,
        Fact[RoutedSubject](
            "a backend of a route has no endpoints",
            "backends of Ingress and HTTPRoute, Services, their ports and pods",
            lambda of: bool(_lost(of)),
            lambda of: "; ".join(map(_shown, _lost(of)[:3])),
        ),
    ),
    serious=(_NO_OTHER_WAY,),
    after=60,
    lookalikes=("service-selects-nothing", "policy-lets-nobody-in"),
    helps=(Help("see the Service, and what it selects", "describe"), _PAST),
    avoid=("Do not restart the engines: they are healthy but receive no requests.",),
    decides=("which changed last: the route, the Service or the pods' labels",),
)
"""A backend with weight 0 gets no requests and does not count."""
REFUSED = RouteCause(
    id="route-refused",
    severity=Severity.WARNING,
    sentence="The controller of a Gateway rejects a route to the model, or part of it.",
    words=lambda of: (
        f"{_refused(of)[0].route} refused: {_refused(of)[0].detail.partition(':')[0]}" if _refused(of) else ""
    ),
    must=(
        Fact[RoutedSubject](
            "its controller rejects it",
            "conditions Accepted, ResolvedRefs of the route",
            lambda of: bool(_refused(of)),
            lambda of: "; ".join(f"{one.route}: {one.detail}" for one in _refused(of)[:3]),
        ),
    ),
    serious=(_NO_OTHER_WAY,),
    began=lambda of: _since(_refused(of)),
    explains=("route-leads-nowhere",),
    after=60,
    helps=(Help("see what it references, and whether it may (ReferenceGrant)", "describe"), _PAST),
    avoid=("Do not restart the engines: they are healthy but receive no requests.",),
    decides=("whether the Gateway accepts any other route: if not, the Gateway is the problem",),
)
WALLED = RouteCause(
    id="policy-lets-nobody-in",
    severity=Severity.WARNING,
    sentence="NetworkPolicies select the engines, and none allows traffic to the port on which they serve.",
    words=lambda of: f"NetworkPolicy blocks port {of.exposure.policy_block.port}" if of.exposure.policy_block else "",
    must=(
        Fact[RoutedSubject](
            "no rule of the policies that select its pods allows its port",
            "podSelector and ingress of the NetworkPolicies of its namespace",
            lambda of: of.exposure.policy_block is not None,
            lambda of: (
                f"{', '.join(of.exposure.policy_block.policies[:5])}, port {of.exposure.policy_block.port}"
                if of.exposure.policy_block
                else ""
            ),
        ),
    ),
    # If requests run, the network does not enforce policies, or something overrides them.
    must_not=(Fact("requests run in it", "requests_running", lambda of: of.running > 0),),
    serious=(_NOTHING_RUNS,),
    explains=SILENCE,
    after=60,
    lookalikes=("service-selects-nothing", "route-leads-nowhere"),
    helps=(Help("see the labels of its pods", "describe"), _PAST),
    avoid=("Do not delete someone else's policy: add one that allows the gateway to reach that port.",),
    decides=(
        "whether the network plugin enforces policies at all",
        "whether policies of another kind (Cilium, Calico, AdminNetworkPolicy) allow it: those are not read",
    ),
)


def _days(of: RoutedSubject, one: RouteCertificate) -> str:
    left = one.ends - of.now
    return f"{left / 86_400:.0f} d" if left >= 86_400 else f"{max(left, 0) / 3600:.0f} h"


def _certificates(of: RoutedSubject, found: list[RouteCertificate]) -> str:
    return "; ".join(
        f"{one.name} of {one.holder}: "
        + (f"{_days(of, one)} left" if one.ends > of.now else f"expired {(of.now - one.ends) / 3600:.0f} h ago")
        + (f", {one.message}" if one.message else "")
        for one in found[:3]
    )


_RENEW = Help("renew it (cmctl renew, or cert-manager's annotation), and find out why that has not happened")
EXPIRED = RouteCause(
    id="certificate-expired",
    severity=Severity.CRITICAL,
    sentence="A certificate in front of the model has expired: clients that verify it cannot connect.",
    words=lambda of: f"{of.ended[0].name} expired" if of.ended else "",
    must=(
        Fact[RoutedSubject](
            "it has expired",
            "status.notAfter of the Certificate",
            lambda of: bool(of.ended),
            lambda of: _certificates(of, list(of.ended)),
        ),
    ),
    began=lambda of: (min(one.ends for one in of.ended), "its notAfter") if of.ended else None,
    helps=(_RENEW, _PAST),
    avoid=("Do not turn verification off in the clients: that tends to outlast the certificate.",),
    decides=("whether the gateway already has the new one: it may still serve what it read at its start",),
)
"""Findings catalogue F39. Of the Certificate object: the Secret is not read."""
EXPIRES = RouteCause(
    id="certificate-expires",
    severity=Severity.WARNING,
    sentence="A certificate in front of the model is overdue for renewal.",
    words=lambda of: f"{of.ending[0].name} expires in {_days(of, of.ending[0])}" if of.ending else "",
    must=(
        Fact[RoutedSubject](
            "it expires soon relative to its lifetime, and its renewal is overdue",
            "status.notAfter, notBefore, renewalTime of the Certificate",
            lambda of: bool(of.ending),
            lambda of: _certificates(of, list(of.ending)),
        ),
    ),
    runs_on=True,
    began=lambda of: (min(map(renewal_due, of.ending)), "its dates") if of.ending else None,
    after=60,
    helps=(_RENEW, _PAST),
    avoid=("Do not wait for it to expire: find out first why its renewal fails.",),
    decides=("what cert-manager says about its CertificateRequest and Order: the issuer, DNS or a rate limit",),
)
"""Findings catalogue F39: three weeks, or a quarter of the lifetime of a short-lived certificate; where its object has
a later time of renewal (``renewBefore``), from then on.
"""
UNISSUED_LONG: float = 600.0
"""Seconds for which a first certificate may be on its way: an ACME order with its DNS records."""


def _unissued(of: RoutedSubject) -> list[UnissuedCertificate]:
    return [one for one in of.exposure.unissued if one.since and of.now - one.since > UNISSUED_LONG]


NOT_ISSUED = RouteCause(
    id="certificate-not-issued",
    severity=Severity.WARNING,
    sentence="A certificate in front of the model has never been issued: clients that verify it cannot connect.",
    words=lambda of: f"{_unissued(of)[0].name} not issued: {gist(_unissued(of)[0].message)}" if _unissued(of) else "",
    must=(
        Fact[RoutedSubject](
            "it is not issued for long",
            "status.notAfter, condition Ready of the Certificate",
            lambda of: bool(_unissued(of)),
            lambda of: "; ".join(f"{one.name} of {one.holder}: {one.message}" for one in _unissued(of)[:3]),
        ),
    ),
    began=lambda of: (min(one.since for one in _unissued(of)), "its condition Ready") if _unissued(of) else None,
    helps=(
        Help("see its CertificateRequest, its Order and its Challenge (cmctl status certificate)"),
        Help("see its issuer", "describe"),
        _PAST,
    ),
    avoid=("Do not delete the Certificate to try again: issuers limit how often they are asked.",),
    decides=("whether the issuer is ready, and whether other certificates of it are issued",),
)
"""Findings catalogue F39."""
OPEN = RouteCause(
    id="engine-open-to-all",
    severity=Severity.WARNING,
    sentence="A Service exposes engines that require no API key outside the cluster: who finds it can use them.",
    words=lambda of: (
        f"{of.exposure.exposed_services[0]} exposes engines without a key" if of.exposure.exposed_services else ""
    ),
    must=(
        Fact[RoutedSubject](
            "a Service of type LoadBalancer or NodePort selects its engines",
            "spec.type, targetPort, loadBalancerSourceRanges, annotations; status.loadBalancer",
            lambda of: bool(of.exposure.exposed_services),
            lambda of: ", ".join(of.exposure.exposed_services),
        ),
        Fact("they require no key", "command line and environment of the engines", lambda of: of.keyless),
    ),
    runs_on=True,
    after=60,
    helps=(
        Help("see the Service", "describe"),
        Help("set a key (--api-key from a Secret), or make the Service a ClusterIP behind a gateway that requires one"),
    ),
    avoid=(
        "Do not rely on the key alone: it protects /v1, while /tokenize, /metrics and others stay open.",
        "Do not test it with requests from outside: its objects already show that it is open.",
    ),
    decides=("whether the load balancer, or any node, has an address outside of your networks",),
)
"""Findings catalogue F40, as far as objects decide it: nothing is tried."""


def _cut(of: RoutedSubject) -> str:
    return "" if of.cutting is None else f"after {of.cutting.seconds:.0f} s{of.cutting.of}"


def _unlimited(of: RoutedSubject) -> bool | None:
    """False where no route has a limit; None where it is not known how long requests take."""
    return None if of.exposure.limits or of.exposure.silences else False


_TIMEOUT: Fact[RoutedSubject] = Fact(
    "one request in a hundred takes longer than a route allows",
    "spec.rules.timeouts.request of HTTPRoute, annotations of Ingress, e2e_p99, ttft_p99",
    lambda of: of.cutting.takes >= of.cutting.seconds if of.cutting is not None else _unlimited(of),
    lambda of: "" if of.cutting is None else f"{of.cutting.route} ends them {_cut(of)}, p99 {of.cutting.takes:.0f} s",
)
CUTS = RouteCause(
    id="route-timeout-short",
    severity=Severity.WARNING,
    sentence="A route ends requests that the engines still work on: streams are cut, most of them with status 200.",
    words=lambda of: "" if of.cutting is None else f"{of.cutting.route} cuts {_cut(of)}",
    must=(
        _TIMEOUT,
        Fact(
            "enough requests to tell",
            "requests_per_second",
            lambda of: None if math.isnan(of.finished) else of.finished * 60 >= _FEW,
            lambda of: f"{of.finished:.1f} requests/s",
        ),
    ),
    runs_on=True,
    after=300,
    clears=600,
    lookalikes=("gateway-errors", "e2e-objective-missed"),
    helps=(
        Help("allow the whole answer to take longer, and limit the time between two tokens instead (idle timeout)"),
        Help("see where the time goes", "why"),
        _PAST,
    ),
    avoid=("Do not look for it among the errors: a stream that is cut has already answered 200.",),
    decides=("one long request through the route and one past it: which of them ends early, and after how long",),
)
"""Field notes N15: nothing is tried, the declared limit is compared with what requests take."""
OF_ROUTES = (LEADS_NOWHERE, REFUSED, WALLED, EXPIRED, EXPIRES, NOT_ISSUED, OPEN, CUTS)
