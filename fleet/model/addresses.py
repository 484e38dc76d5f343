"""The pods behind the addresses in metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from fleet.dataclass import dataclass
from fleet.model.measurement import EngineId
from fleet.model.objects import Pod


@dataclass(frozen=True, slots=True)
class Addresses:
    """Pods by IP. An IP that several pods share (hostNetwork) is only used where exactly one of them holds GPUs."""

    by_ip: Mapping[str, str]

    @staticmethod
    def of(pods: Mapping[str, Pod]) -> Addresses:
        """Index the pods that can be behind an address: finished ones have given theirs back."""
        seen: dict[str, list[str]] = defaultdict(list)
        for key, pod in pods.items():
            if pod.ip and pod.phase not in ("Succeeded", "Failed"):
                seen[pod.ip].append(key)
        found = {}
        for ip, keys in seen.items():
            candidates = keys if len(keys) == 1 else [k for k in keys if pods[k].gpus]
            if len(candidates) == 1:
                found[ip] = candidates[0]
        return Addresses(found)

    def pod_at(self, instance: str) -> str:
        """The key of the pod at ``host:port`` (IPv6 in brackets), or an empty string."""
        host = instance.rpartition(":")[0] or instance
        return self.by_ip.get(host.strip("[]"), "")


def pod_of_engine(engine: EngineId, pods: Mapping[str, Pod], addresses: Addresses) -> str:
    """The key of the pod that runs an engine, or an empty string."""
    key = f"{engine.namespace}/{engine.pod}"
    if engine.pod and key in pods:
        return key
    return addresses.pod_at(engine.instance) if engine.instance else ""
