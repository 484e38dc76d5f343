"""NetworkPolicies that admit no traffic to serving engines, as far as the policies alone decide that.

Rules add up: a rule for the port may admit some peers, and these are not examined. The finding is that no rule of any
policy is for the port.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from fleet.model.fronts import Wall
from fleet.model.objects import Pod
from fleet.model.routes import AllowedPorts, NetworkPolicy, Requirement, Routing
from fleet.snapshot.topology import Topology

_POLICIES = "networkpolicies.networking.k8s.io"


def knows(routing: Routing, resource: str, namespace: str) -> bool:
    """True if the objects of a resource in a namespace are known."""
    return not any(one.resource == resource and one.namespace == namespace for one in routing.unlisted)


def walls(topology: Topology, routing: Routing) -> Iterator[tuple[str, Wall]]:
    """Yield the workloads none of whose pods can be reached on the port where it serves, from anywhere."""
    policies: dict[str, list[NetworkPolicy]] = defaultdict(list)
    for policy in routing.policies:
        if policy.incoming:
            policies[policy.namespace].append(policy)
    for key in topology.model_of if policies else ():
        namespace = key.partition("/")[0]
        if namespace not in policies or not knows(routing, _POLICIES, namespace):
            continue
        every = (topology.pods[one] for one in topology.pods_of.get(key, ()) if one in topology.pods)
        pods = [pod for pod in every if pod.deleted is None and pod.serving.engine and not pod.serving.follows]
        found = [_wall(pod, policies[namespace]) for pod in pods]
        if found and (first := found[0]) is not None and all(found):
            yield key, first


def _wall(pod: Pod, policies: Iterable[NetworkPolicy]) -> Wall | None:
    """The policies that admit no traffic to the port where a pod serves; None if some may come in, or its port is
    unknown.
    """
    selecting = [one for one in policies if _selects(one, pod.labels)]
    ports = pod.serving.ports or _declared(pod)
    if not selecting or not ports:
        return None
    if any(_lets_in(rule, port, pod) for one in selecting for rule in one.rules for port in ports):
        return None
    return Wall(tuple(one.name for one in selecting), ports[0])


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
