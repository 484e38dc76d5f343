"""Which pods a Service sends requests to, as its EndpointSlices have it."""

from __future__ import annotations

from actions.plan_context import Reads


async def receives(namespace: str, pod: str, service: str, reads: Reads) -> bool:
    """Whether the Service sends requests to the pod. Raises KubeError."""
    slices = await reads.list_raw("EndpointSlice", namespace, f"kubernetes.io/service-name={service}")
    for piece in slices:
        for endpoint in piece.get("endpoints") or ():
            target = endpoint.get("targetRef") or {}
            # ready left out means ready (discovery.k8s.io/v1).
            if target.get("name") == pod and (endpoint.get("conditions") or {}).get("ready") is not False:
                return True
    return False
