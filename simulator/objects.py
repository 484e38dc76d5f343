"""Kubernetes objects as the API server, the controllers and the kubelet write them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from simulator.blueprint import NodePool, WorkloadSpec

Object = dict[str, Any]

ENGINE_PORT = 8000
DCGM_PORT = 9400
ROUTER_PORT = 8080
WORKLOAD_LABEL = "app.kubernetes.io/name"
POOL_LABEL = "example.com/node-pool"
_HASH_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_NAMESPACE = uuid.UUID("6f1d4e2a-6d54-4bd3-9a55-0c6f8e8f2b11")


def timestamp(at: float) -> str:
    """RFC 3339 in UTC with whole seconds, as Kubernetes writes metav1.Time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(at: float) -> str:
    """RFC 3339 with microseconds, as Kubernetes writes metav1.MicroTime."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def safe_hash(content: object, length: int = 10) -> str:
    """A name's suffix from content, in the alphabet that Kubernetes uses for such."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return "".join(_HASH_ALPHABET[byte % len(_HASH_ALPHABET)] for byte in digest[:length])


def uid(kind: str, namespace: str, name: str, created: float) -> str:
    """The same object of the same moment always has the same uid."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{namespace}/{name}/{created:.3f}"))


def owner(obj: Object) -> Object:
    """The ownerReference to a controller."""
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": obj["metadata"]["name"],
        "uid": obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def manifest(
    api_version: str,
    kind: str,
    name: str,
    created: float,
    *,
    namespace: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    owned_by: Object | None = None,
    manager: str = "kube-controller-manager",
    **rest: Any,
) -> Object:
    """An object with its metadata; `rest` is spec, status and the like."""
    metadata: Object = {
        "name": name,
        "uid": uid(kind, namespace, name, created),
        "creationTimestamp": timestamp(created),
        "managedFields": [
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": api_version,
                "time": timestamp(created),
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {}},
            }
        ],
    }
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    if owned_by:
        metadata["ownerReferences"] = [owner(owned_by)]
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def condition(kind: str, status: bool, at: float, reason: str, message: str, **more: str) -> Object:
    """A status condition that changed at `at`."""
    content = {"type": kind, "status": str(status), "lastTransitionTime": timestamp(at)}
    return content | {"reason": reason, "message": message} | more


def service(namespace: str, name: str, port: int, address: str, created: float) -> Object:
    """A ClusterIP Service in front of the pods of a workload."""
    spec = {
        "ports": [{"name": "http", "protocol": "TCP", "port": port, "targetPort": "http"}],
        "selector": {WORKLOAD_LABEL: name},
        "clusterIP": address,
        "clusterIPs": [address],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
    labels = {WORKLOAD_LABEL: name}
    return manifest(
        "v1",
        "Service",
        name,
        created,
        namespace=namespace,
        labels=labels,
        manager="helm",
        spec=spec,
        status={"loadBalancer": {}},
    )


def endpoint_slice(of: Object, number: int, endpoints: Sequence[Object], port: int) -> Object:
    """One EndpointSlice of a Service; a slice holds up to 100 endpoints."""
    meta = of["metadata"]
    name = f"{meta['name']}-{safe_hash([meta['uid'], number], 5)}"
    created = datetime.fromisoformat(meta["creationTimestamp"]).timestamp()
    labels = {
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "kubernetes.io/service-name": meta["name"],
    }
    obj = manifest(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        name,
        created,
        namespace=meta["namespace"],
        labels=labels,
        owned_by=of,
        addressType="IPv4",
        endpoints=list(endpoints),
        ports=[{"name": "http", "protocol": "TCP", "port": port}],
    )
    obj["metadata"] |= {"generateName": f"{meta['name']}-", "generation": 1}
    return obj


def autoscaler(workload: WorkloadSpec, created: float) -> Object:
    """An HPA on the waiting requests per pod."""
    target = {"type": "AverageValue", "averageValue": "5"}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.name},
        "minReplicas": workload.replicas,
        "maxReplicas": workload.max_replicas,
        "metrics": [{"type": "Pods", "pods": {"metric": {"name": "vllm:num_requests_waiting"}, "target": target}}],
    }
    return manifest(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        workload.name,
        created,
        namespace=workload.namespace,
        manager="helm",
        spec=spec,
        status={"currentReplicas": workload.replicas, "desiredReplicas": workload.replicas},
    )


def disruption_budget(workload: WorkloadSpec, created: float) -> Object:
    """A PodDisruptionBudget; its status comes from the controller."""
    selector = {"matchLabels": {WORKLOAD_LABEL: workload.name}}
    obj = manifest(
        "policy/v1",
        "PodDisruptionBudget",
        workload.name,
        created,
        namespace=workload.namespace,
        manager="helm",
        spec={"minAvailable": workload.min_available, "selector": selector},
    )
    obj["metadata"]["generation"] = 1
    return obj


def node(pool: NodePool, name: str, number: int, created: float) -> Object:
    """A GPU node that is Ready."""
    size = {
        "cpu": str(pool.cpus),
        "memory": f"{pool.memory_gib}Gi",
        "pods": "110",
        "ephemeral-storage": "3500Gi",
        pool.resource: str(pool.slots),
    }
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": pool.instance_type,
        "topology.kubernetes.io/zone": f"zone-{'abc'[number % 3]}",
        POOL_LABEL: pool.name,
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.count": str(pool.gpus),
        "nvidia.com/gpu.product": pool.gpu.name.replace(" ", "-"),
        "nvidia.com/gpu.memory": str(pool.gpu.memory),
    }
    if pool.mig:
        labels |= {"nvidia.com/mig.strategy": "mixed", "nvidia.com/mig.config": f"all-{pool.mig}"}
    conditions = [
        condition(kind, False, created, reason, f"kubelet has {message}")
        for kind, reason, message in (
            ("MemoryPressure", "KubeletHasSufficientMemory", "sufficient memory available"),
            ("DiskPressure", "KubeletHasNoDiskPressure", "no disk pressure"),
            ("PIDPressure", "KubeletHasSufficientPID", "sufficient PID available"),
        )
    ]
    conditions.append(condition("Ready", True, created, "KubeletReady", "kubelet is posting ready status"))
    status = {
        "capacity": size,
        "allocatable": size,
        "conditions": [c | {"lastHeartbeatTime": c["lastTransitionTime"]} for c in conditions],
        "addresses": [
            {"type": "InternalIP", "address": node_address(number)},
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "containerd://2.1.4",
            "kernelVersion": "6.8.0-1031-aws",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.0",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04.3 LTS",
            "systemUUID": "",
        },
    }
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    return manifest(
        "v1",
        "Node",
        name,
        created,
        labels=labels,
        annotations={"node.alpha.kubernetes.io/ttl": "0"},
        manager="kubelet",
        spec={"taints": [taint], "providerID": f"sim:///{name}"},
        status=status,
    )


def node_address(number: int) -> str:
    """The address of the cluster's nth node."""
    return f"10.0.{number // 250}.{number % 250 + 4}"


def namespace(name: str, created: float) -> Object:
    """A namespace."""
    labels = {"kubernetes.io/metadata.name": name}
    return manifest(
        "v1",
        "Namespace",
        name,
        created,
        labels=labels,
        spec={"finalizers": ["kubernetes"]},
        status={"phase": "Active"},
    )
