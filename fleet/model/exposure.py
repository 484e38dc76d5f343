"""The way to a workload: routes to it or to nowhere, policies, certificates, doors that are open."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RouteFault(StrEnum):
    """Fault of the end of a route."""

    MISSING = "does not exist"
    PORT = "has no such port"
    EMPTY = "selects no pod"
    UNREADY = "has no ready pod"
    REFUSED = "is refused"
    """Reported by the controller that should serve it."""


class Misrouted(NamedTuple):
    """A route, of which some requests go nowhere."""

    route: str
    """``Ingress chat``."""
    target: str
    """``Service chat-v2``, ``Gateway public``."""
    fault: RouteFault
    share: float = 1.0
    """Share of the requests of its rule."""
    detail: str = ""
    """The controller's words, or the port."""
    since: float | None = None
    """Unix time since when its controller says so."""


class PolicyBlock(NamedTuple):
    """Policies that admit no traffic to the port on which a workload serves."""

    policies: tuple[str, ...]
    """Names of all that select its pods."""
    port: int
    since: float = 0.0
    """Unix time at which it appeared: seen by the console, else when the newest of the policies was created."""


class RouteCertificate(NamedTuple):
    """A certificate on the way to a workload. Unix seconds."""

    name: str
    """``Certificate chat-tls``."""
    holder: str
    """``Ingress chat``."""
    ends: float
    begins: float | None = None
    renews: float | None = None
    message: str = ""
    """Reason why it is not renewed; empty where none is given."""


class UnissuedCertificate(NamedTuple):
    """A certificate on the way to a workload that has never been issued."""

    name: str
    """``Certificate chat-tls``."""
    holder: str
    """``Ingress chat``."""
    message: str
    """Reason, in the words of what should issue it."""
    since: float
    """Unix time since when it is not ready."""


class Exposure(NamedTuple):
    """All that is known of the way to one workload."""

    routes: tuple[str, ...] = ()
    """Routes that lead to ready pods of it."""
    misrouted: tuple[Misrouted, ...] = ()
    policy_block: PolicyBlock | None = None
    certificates: tuple[RouteCertificate, ...] = ()
    exposed_services: tuple[str, ...] = ()
    """Services that take requests from outside straight to its engines."""
    unissued: tuple[UnissuedCertificate, ...] = ()
    limits: tuple[tuple[str, float], ...] = ()
    """Routes that end requests, and after how many seconds."""
    silences: tuple[tuple[str, float], ...] = ()
    """Routes that end requests of which nothing comes back for so many seconds."""
