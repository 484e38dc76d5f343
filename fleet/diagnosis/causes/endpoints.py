"""Certificates that the console and its sources show each other: seen at the handshake, before anybody is refused."""

from __future__ import annotations

from fleet.diagnosis.cause import Help
from fleet.diagnosis.endpoints import EndpointCause, EndpointSubject
from fleet.diagnosis.fronts import renewal_due
from fleet.diagnosis.sign import Fact
from fleet.model.severity import Severity


def _left(of: EndpointSubject) -> str:
    told = []
    for one in of.near:
        left = one.ends - of.now
        told.append(f"{one.whose} certificate: " + (f"{left / 86_400:.1f} d left" if left > 0 else "expired"))
    return "; ".join(told)


CERTIFICATE_ENDS = EndpointCause(
    id="source-certificate-expires",
    severity=Severity.WARNING,
    sentence="A certificate between the console and a source ends soon: then nothing of it can be seen any more.",
    words=lambda of: f"{of.name}: {_left(of)}" if of.near else "",
    must=(
        Fact[EndpointSubject](
            "its end is near, by its lifetime",
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
        Help("renew it: of an API server kubeadm certs renew, of a user a new kubeconfig"),
    ),
    avoid=("Do not turn verification off (insecure-skip-tls-verify): nobody turns it on again.",),
    decides=("whether the server has a new one already, and only waits to be started anew",),
)
"""Findings catalogue F39."""
