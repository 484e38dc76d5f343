"""Certificates that the console and its sources show each other: seen at the handshake, before anybody is refused."""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.families.endpoint_cause import EndpointCause, EndpointSubject
from fleet.diagnosis.families.route_cause import renewal_due
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity


def _left(of: EndpointSubject) -> str:
    parts = []
    for one in of.near:
        left = one.ends - of.now
        parts.append(f"{one.whose} certificate: " + (f"{left / 86_400:.1f} d left" if left > 0 else "expired"))
    return "; ".join(parts)


CERTIFICATE_ENDS = EndpointCause(
    id="source-certificate-expires",
    severity=Severity.WARNING,
    sentence="The certificate of a source expires soon: after that the console can no longer read it.",
    words=lambda of: f"{of.name}: {_left(of)}" if of.near else "",
    must=(
        Fact[EndpointSubject](
            "it expires soon relative to its lifetime",
            "the certificate shown at the handshake",
            lambda of: bool(of.near),
            _left,
        ),
    ),
    runs_on=True,
    began=lambda of: (renewal_due(of.near[0]), "its dates") if of.near else None,
    after=60,
    helps=(
        Help("see the source", "sources"),
        Help("renew it: kubeadm certs renew for an API server, a new kubeconfig for a user"),
    ),
    avoid=("Do not turn verification off (insecure-skip-tls-verify): nobody turns it on again.",),
    decides=("whether the server already has a new one and only needs a restart",),
)
"""Findings catalogue F39."""
