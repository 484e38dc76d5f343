"""Routes to the Services of a cluster, and obstacles for their requests: slim rows of declared objects.

Ingress, HTTPRoute, Gateway, InferencePool, NetworkPolicy, and the dates of cert-manager's Certificates. Of a Secret
there is only a name: Secrets are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.objects import Condition

SERVICE, POOL = "Service", "InferencePool"
"""Kinds of backends that are followed to their pods."""


class Backend(NamedTuple):
    """Target of the requests of a route."""

    kind: str
    namespace: str
    name: str
    port: str = ""
    """Name or number; empty where it names none."""
    weight: float = 1.0
    """Share of the requests of its rule; 0 for a backend that is named but gets none."""


@dataclass(frozen=True, slots=True)
class Route:
    """An Ingress or an HTTPRoute."""

    kind: str
    namespace: str
    name: str
    backends: tuple[Backend, ...] = ()
    secrets: tuple[str, ...] = ()
    """``namespace/name`` of the Secrets that hold its certificates."""
    gateways: tuple[str, ...] = ()
    """``namespace/name`` of the Gateways that it is for."""
    conditions: tuple[Condition, ...] = ()
    """Conditions written by their controllers: only those that are False."""
    timeout: float = 0.0
    """Seconds after which it ends a request, whatever comes back; of several the shortest, 0 for none."""
    silence: float = 0.0
    """Seconds without a byte of the answer after which it ends a request; 0 where it is not declared."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A Gateway of the Gateway API."""

    namespace: str
    name: str
    secrets: tuple[str, ...] = ()
    """``namespace/name`` of the Secrets that hold its listeners' certificates."""
    conditions: tuple[Condition, ...] = ()
    """Conditions written by its controller: only those that are False."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class InferencePool:
    """A pool of engines of the Gateway API inference extension."""

    namespace: str
    name: str
    selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


class Requirement(NamedTuple):
    """One of a selector's ``matchExpressions``."""

    label: str
    operator: str
    values: tuple[str, ...] = ()


class AllowedPorts(NamedTuple):
    """The ports of one rule that lets something in."""

    protocol: str
    first: str
    """Name or number; empty for all."""
    last: int = 0
    """The end of a range; 0 for one port."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A NetworkPolicy, as far as it restricts incoming traffic."""

    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """``matchLabels`` of the pods that it is for."""
    requirements: tuple[Requirement, ...] = ()
    incoming: bool = True
    """False if it does not restrict incoming traffic."""
    rules: tuple[tuple[AllowedPorts, ...], ...] = ()
    """The ports of each rule that admits traffic; a rule without any applies to all. The admitted peers are not kept:
    only their existence can be known for certain.
    """
    created: float = 0.0
    """Unix time; 0 where it is not known."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A Certificate of cert-manager: its dates, as it has written them. Unix seconds; None for none."""

    namespace: str
    name: str
    secret: str
    """Name of the Secret that it is put into."""
    begins: float | None = None
    ends: float | None = None
    renews: float | None = None
    message: str = ""
    """Reason why it is not ready, in cert-manager's words; empty where it is."""
    unready_since: float | None = None
    """Unix time since when it is not ready; None where it is."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A resource whose objects may not be listed in a namespace."""

    resource: str
    """``networkpolicies.networking.k8s.io``."""
    namespace: str


@dataclass(frozen=True, slots=True)
class Routing:
    """All of them, as they were listed last."""

    routes: tuple[Route, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    pools: tuple[InferencePool, ...] = ()
    policies: tuple[NetworkPolicy, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    """Objects that may not be listed. Resources that the server does not have are not listed here."""

    def knows(self, resource: str, namespace: str) -> bool:
        """True if the objects of a resource (``gateways.gateway.networking.k8s.io``) in a namespace are known."""
        return not any(one.resource == resource and one.namespace == namespace for one in self.unlisted)
