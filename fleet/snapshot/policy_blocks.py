"""NetworkPolicies that admit no traffic to serving engines, as far as the policies alone decide that.

Rules add up: a rule for the port may admit some peers, and these are not examined. The finding is that no rule of any
policy is for the port, nor for one of another container of the pod, which may pass requests on (a proxy that asks for a
login, a router of prefills).

Policies of other kinds (Cilium's, Calico's, those of administrators) may admit what these do not, and are not read. By
their effect they are known: requests that begin under policies prove that these are no wall, until they change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from fleet.model.exposure import PolicyBlock
from fleet.model.objects import Pod
from fleet.model.routes import AllowedPorts, NetworkPolicy, Requirement, Routing
from fleet.snapshot.topology import Topology

_POLICIES = "networkpolicies.networking.k8s.io"
_TUNNEL = 15008
"""Port at which an Istio ambient mesh (HBONE) delivers the requests for all ports of a pod."""
IN_FLIGHT = 1800.0
"""Seconds for which requests may run that were accepted before a policy was written: connections are not cut, and what
waits in an engine is done first.
"""


class PolicyBlocks:
    """The walls that hold, and since when. One is forgotten once a request has passed it: until it changes."""

    def __init__(self) -> None:
        self._found: dict[str, PolicyBlock] = {}
        self._seen: dict[str, float] = {}
        """Workload → when the console first looked at its wall."""
        self._empty: set[str] = set()
        """Workloads in which nothing ran since: what runs later has passed."""
        self._passed: set[str] = set()
        self._has_looked = False

    def passed(self, running: Callable[[str], float], now: float) -> bool:
        """True if requests run behind a wall that was there before they began: the first time."""
        news = False
        for key in self._found.keys() - self._passed:
            requests = running(key)
            if requests == 0:
                self._empty.add(key)
            elif requests > 0 and (key in self._empty or now - self._seen[key] > IN_FLIGHT):
                self._passed.add(key)
                news = True
        return news

    def standing(self, found: Iterable[tuple[str, PolicyBlock]], now: float) -> Iterator[tuple[str, PolicyBlock]]:
        """Yield the walls of those found that nobody has passed, with the time at which they appeared."""
        before, self._found = self._found, {}
        for key, wall in found:
            known = before.get(key)
            if known is not None and known._replace(since=0.0) == wall._replace(since=0.0):
                wall = known
            else:
                wall = wall._replace(since=now) if self._has_looked else wall
                self._seen[key] = now
                self._passed.discard(key)
                self._empty.discard(key)
            self._found[key] = wall
            if key not in self._passed:
                yield key, wall
        self._has_looked = True
        self._seen = {key: at for key, at in self._seen.items() if key in self._found}
        self._passed &= self._found.keys()
        self._empty &= self._found.keys()


def policy_blocks(topology: Topology, routing: Routing) -> Iterator[tuple[str, PolicyBlock]]:
    """Yield the workloads none of whose pods can be reached on the port where it serves, from anywhere."""
    policies: dict[str, list[NetworkPolicy]] = defaultdict(list)
    for policy in routing.policies:
        if policy.incoming:
            policies[policy.namespace].append(policy)
    for key in topology.model_of if policies else ():
        namespace = key.partition("/")[0]
        if namespace not in policies or not routing.knows(_POLICIES, namespace):
            continue
        every = (topology.pods[one] for one in topology.pods_of.get(key, ()) if one in topology.pods)
        pods = [pod for pod in every if pod.deleted is None and pod.serving.engine and not pod.serving.follows]
        found = [_wall(pod, policies[namespace]) for pod in pods]
        if found and (first := found[0]) is not None and all(found):
            yield key, first


def _wall(pod: Pod, policies: Iterable[NetworkPolicy]) -> PolicyBlock | None:
    """The policies that admit no traffic to the port where a pod serves; None if some may come in, or its port is
    unknown.
    """
    selecting = [one for one in policies if _selects(one, pod.labels)]
    ports = pod.serving.ports or _declared(pod)
    if not selecting or not ports:
        return None
    beside = [port for one in pod.containers if one.name != pod.serving.container for _, port in one.ports]
    doors = (*ports, *beside, _TUNNEL)
    if any(_lets_in(rule, port, pod) for one in selecting for rule in one.rules for port in doors):
        return None
    return PolicyBlock(tuple(one.name for one in selecting), ports[0], max(one.created for one in selecting))


def _declared(pod: Pod) -> tuple[int, ...]:
    return tuple(port for one in pod.containers if one.name == pod.serving.container for _, port in one.ports)


def _selects(policy: NetworkPolicy, labels: Mapping[str, str]) -> bool:
    return policy.labels.items() <= labels.items() and all(_meets(one, labels) for one in policy.requirements)


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.label)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False


def _lets_in(rule: tuple[AllowedPorts, ...], port: int, pod: Pod) -> bool:
    """True if a rule admits some traffic to a port."""
    return not rule or any(_has(allowed, port, pod) for allowed in rule)


def _has(allowed: AllowedPorts, port: int, pod: Pod) -> bool:
    if allowed.protocol != "TCP":
        return False
    if not allowed.first:
        return True
    if allowed.first.isdigit():
        return int(allowed.first) <= port <= max(allowed.last, int(allowed.first))
    return any(name == allowed.first and number == port for one in pod.containers for name, number in one.ports)
