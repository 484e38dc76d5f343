"""Kubernetes objects as the API server, the controllers and the kubelet write them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from string import Template
from typing import Any

from simulator.blueprint import NodePool, WorkloadSpec
from simulator.data import document

Object = dict[str, Any]

ENGINE_PORT = 8000
DCGM_PORT = 9400
ROUTER_PORT = 8080
SERVING = {"serving": "on"}
"""A label that only Services select: without it a pod runs on and gets no new requests."""
DRAINING_VERSION = "0.32.0"
"""The version of vLLM that finishes its requests on shutdown."""
NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Alphabet of Kubernetes for suffixes of names: no vowels, so that no words come out."""
_NAMESPACE = uuid.UUID("6f1d4e2a-6d54-4bd3-9a55-0c6f8e8f2b11")


def timestamp(at: float) -> str:
    """RFC 3339 in UTC with whole seconds, as Kubernetes writes metav1.Time."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(at: float) -> str:
    """RFC 3339 with microseconds, as Kubernetes writes metav1.MicroTime."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def safe_hash(content: object, length: int = 10) -> str:
    """A name's suffix from content."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return "".join(NAME_ALPHABET[byte % len(NAME_ALPHABET)] for byte in digest[:length])


def uid(kind: str, namespace: str, name: str, created: float) -> str:
    """The same object of the same moment always has the same uid."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{namespace}/{name}/{created:.3f}"))


def owner(obj: Object) -> Object:
    """The ownerReference to a controller."""
    meta = obj["metadata"]
    reference = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}
    return reference | {"controller": True, "blockOwnerDeletion": True}


def condition(kind: str, status: bool, at: float, reason: str, message: str, **more: Any) -> Object:
    """A status condition that changed at `at`."""
    content = {"type": kind, "status": str(status), "lastTransitionTime": timestamp(at)}
    return content | {"reason": reason, "message": message} | more


@cache
def _manifests() -> Object:
    found: Object = document("manifests.yaml")
    return found


def _filled(content: Any, values: Object) -> Any:
    """Return a manifest with its `$name`s replaced: by a value of any type if the string contains nothing else."""
    if isinstance(content, dict):
        return {_filled(key, values): _filled(value, values) for key, value in content.items()}
    if isinstance(content, list):
        return [_filled(value, values) for value in content]
    if not isinstance(content, str) or "$" not in content:
        return content
    return values[content[1:]] if content[1:] in values else Template(content).substitute(values)


def manifest(
    kind: str, name: str, created: float, /, *, namespace: str = "", owned_by: Object | None = None, **values: Any
) -> Object:
    """An object of this kind as `data/manifests.yaml` has it; `values` fill it in."""
    content = _filled(_manifests()[kind], values | {"name": name})
    fields = {
        "manager": content.pop("manager", "kube-controller-manager"),
        "operation": "Update",
        "apiVersion": content["apiVersion"],
        "time": timestamp(created),
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {}}, "f:spec": {}},
    }
    metadata: Object = {
        "name": name,
        "uid": uid(kind, namespace, name, created),
        "creationTimestamp": timestamp(created),
        "managedFields": [fields],
    }
    if namespace:
        metadata["namespace"] = namespace
    if owned_by:
        metadata["ownerReferences"] = [owner(owned_by)]
    obj: Object = content | {"kind": kind, "metadata": metadata | content.get("metadata", {})}
    return obj


def node_address(number: int) -> str:
    """The address of the cluster's nth node."""
    return f"10.0.{number // 250}.{number % 250 + 4}"


def node(pool: NodePool, name: str, number: int, created: float) -> Object:
    """A GPU node that is Ready."""
    heartbeat = {"lastHeartbeatTime": timestamp(created)}
    healthy = (
        ("MemoryPressure", False, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", False, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", False, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", True, "KubeletReady", "kubelet is posting ready status"),
    )
    obj = manifest(
        "Node",
        name,
        created,
        instance_type=pool.instance_type,
        zone=f"zone-{'abc'[number % 3]}",
        pool=pool.name,
        gpus=str(pool.gpus),
        product=pool.gpu.name.replace(" ", "-"),
        gpu_memory=str(pool.gpu.memory),
        cpus=str(pool.cpus),
        memory=f"{pool.memory_gib}Gi",
        resource=pool.resource,
        slots=str(pool.slots),
        address=node_address(number),
        conditions=[
            condition(kind, status, created, reason, message, **heartbeat) for kind, status, reason, message in healthy
        ],
    )
    if pool.mig:
        obj["metadata"]["labels"] |= {"nvidia.com/mig.strategy": "mixed", "nvidia.com/mig.config": f"all-{pool.mig}"}
    return obj


def engine_template(workload: WorkloadSpec, revision: str, resource: str) -> Object:
    """The pod template of a vLLM workload with a revision of its model."""
    model, limits = workload.model, workload.model.engine
    args = f"--model {model.repository} --served-model-name {workload.served} --revision {revision}"
    args += f" --tensor-parallel-size {workload.gpus // workload.group} --max-model-len {limits.max_model_len}"
    args += f" --max-num-seqs {limits.max_num_seqs} --gpu-memory-utilization 0.92 --port {ENGINE_PORT}"
    # Without it, and in versions that do not have it, SIGTERM cuts off the requests that run.
    args += " --shutdown-timeout 50" if workload.version == DRAINING_VERSION else ""
    args += f" --pipeline-parallel-size {workload.group}" if workload.group > 1 else ""
    args += " --enable-sleep-mode" if workload.asleep else ""
    template: Object = _filled(
        _manifests()["EngineTemplate"],
        {
            "name": workload.name,
            "pool": workload.pool,
            "version": workload.version,
            "args": args.split(),
            "resource": resource,
            "gpus": str(workload.gpus // workload.group),
            "memory_limit": f"{96 * workload.gpus // workload.group}Gi",
            "memory_request": f"{64 * workload.gpus // workload.group}Gi",
        },
    )
    return labelled(template, SERVING) if workload.serving_label else template


def worker_template(leader: Object) -> Object:
    """The pod template of the workers in a group: the leader's GPUs and image, its engine and no server."""
    (container,) = leader["spec"]["containers"]
    probes = {"ports", "startupProbe", "readinessProbe", "livenessProbe"}
    worker = {key: value for key, value in container.items() if key not in probes}
    worker |= {"command": ["ray"], "args": ["start", "--address=$(LWS_LEADER_ADDRESS):6379", "--block"]}
    labels = leader["metadata"]["labels"] | {"app.kubernetes.io/component": "worker"}
    return {"metadata": {"labels": labels}, "spec": leader["spec"] | {"containers": [worker]}}


def system_template(name: str, container: str, image: str, port: int) -> Object:
    """The pod template of something that is not an engine."""
    values = {"name": name, "container": container, "image": image, "port": port}
    template: Object = _filled(_manifests()["PodTemplate"], values)
    return template


def labelled(template: Object, labels: Object) -> Object:
    """A pod template with more labels."""
    metadata = template.get("metadata") or {}
    return template | {"metadata": metadata | {"labels": (metadata.get("labels") or {}) | labels}}


def annotated(obj: Object, key: str, value: str) -> Object:
    """An object with one more annotation."""
    annotations = obj["metadata"].get("annotations", {}) | {key: value}
    return obj | {"metadata": obj["metadata"] | {"annotations": annotations}}


def replica_set(deployment: Object, revision: int, template: Object, created: float) -> Object:
    """The ReplicaSet of one revision of a Deployment, without replicas so far."""
    meta = deployment["metadata"]
    suffix = safe_hash(template)
    own = {"pod-template-hash": suffix}
    stamped, selector = labelled(template, own), deployment["spec"]["selector"]
    return manifest(
        "ReplicaSet",
        f"{meta['name']}-{suffix}",
        created,
        namespace=meta["namespace"],
        owned_by=deployment,
        selector=selector | {"matchLabels": (selector.get("matchLabels") or {}) | own},
        labels=stamped["metadata"]["labels"],
        desired=str(deployment["spec"]["replicas"]),
        revision=str(revision),
        replicas=0,
        template=stamped,
    )


def controller_revision(stateful: Object, revision: int, template: Object, created: float) -> Object:
    """Return the ControllerRevision that a StatefulSet keeps of one of its templates."""
    meta = stateful["metadata"]
    suffix = safe_hash(template)
    return manifest(
        "ControllerRevision",
        f"{meta['name']}-{suffix}",
        created,
        namespace=meta["namespace"],
        owned_by=stateful,
        labels=(template["metadata"].get("labels") or {}) | {"controller.kubernetes.io/hash": suffix},
        revision=revision,
        template=template | {"$patch": "replace"},
    )


def slice_name(service: Object, number: int) -> str:
    """Return the name of the nth EndpointSlice of a Service."""
    meta = service["metadata"]
    return f"{meta['name']}-{safe_hash([meta['uid'], number], 5)}"


def endpoint_slice(service: Object, number: int, endpoints: Sequence[Object], ports: Sequence[Object]) -> Object:
    """One EndpointSlice of a Service; a slice holds up to 100 endpoints."""
    meta = service["metadata"]
    return manifest(
        "EndpointSlice",
        slice_name(service, number),
        datetime.fromisoformat(meta["creationTimestamp"]).timestamp(),
        namespace=meta["namespace"],
        owned_by=service,
        service=meta["name"],
        endpoints=list(endpoints),
        ports=list(ports),
    )
