"""Pods as the Kubernetes API has them: the created object, and the status that the scheduler and the kubelet write."""

from __future__ import annotations

from hashlib import sha256

from simulator import templates
from simulator.objects import Object, manifest, timestamp
from simulator.pods import EVICTED, Phase, Pod


def identity(pod: Pod) -> Object:
    """The metadata that references to a pod need."""
    metadata = {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def manifest_of(pod: Pod) -> Object:
    """The pod as it was created, without status."""
    template = pod.template
    obj = manifest("Pod", pod.name, pod.created, namespace=pod.namespace, labels=pod.labels)
    if pod.owner:
        obj["metadata"]["ownerReferences"] = [pod.owner]
        if pod.owner["kind"] in {"ReplicaSet", "DaemonSet"}:
            obj["metadata"]["generateName"] = f"{pod.owner['name']}-"
    if pod.annotations:
        obj["metadata"]["annotations"] = pod.annotations
    tolerations = (template["spec"].get("tolerations") or []) + obj["spec"]["tolerations"]
    return obj | {"spec": template["spec"] | obj["spec"] | {"tolerations": tolerations}}


def status_of(pod: Pod) -> Object:
    """Return the status that the scheduler and the kubelet write."""
    if not pod.node:
        return {"phase": "Pending", "conditions": [_scheduled(pod)], "qosClass": "Burstable"}
    status: Object = {
        "phase": "Pending" if pod.phase is Phase.CREATING else "Running",
        "conditions": _conditions(pod),
        "hostIP": pod.host_ip,
        "hostIPs": [{"ip": pod.host_ip}],
        "startTime": timestamp(pod.scheduled),
        "containerStatuses": [_container_status(pod, c) for c in templates.containers(pod.template)],
        "qosClass": "Burstable",
    }
    if pod.phase is not Phase.CREATING:
        status |= {"podIP": pod.ip, "podIPs": [{"ip": pod.ip}]}
    return status


def _scheduled(pod: Pod) -> Object:
    reason = {"reason": "Unschedulable", "message": pod.pending_message} if pod.pending_message else {}
    if pod.node:
        return _condition("PodScheduled", True, pod.scheduled)
    return _condition("PodScheduled", False, pod.since, **reason)


def _conditions(pod: Pod) -> list[Object]:
    message = f"containers with unready status: [{pod.container}]"
    why = {} if pod.serving else {"reason": "ContainersNotReady", "message": message}
    conditions = [
        _condition("PodReadyToStartContainers", pod.phase is not Phase.CREATING, pod.scheduled),
        _condition("Initialized", True, pod.scheduled),
        _condition("Ready", pod.serving, pod.readiness_changed or pod.scheduled, **why),
        _condition("ContainersReady", pod.serving, pod.readiness_changed or pod.scheduled, **why),
        _scheduled(pod),
    ]
    if pod.evicted is not None:
        why = {"reason": EVICTED, "message": "Eviction API: evicting"}
        conditions.append(_condition("DisruptionTarget", True, pod.evicted, **why))
    return conditions


def _container_status(pod: Pod, container: Object) -> Object:
    image = str(container["image"])
    state: Object = {"running": {"startedAt": timestamp(pod.started)}}
    ids = {
        "imageID": f"{image.split(':')[0]}@sha256:{sha256(image.encode()).hexdigest()}",
        "containerID": _container_id(pod),
    }
    if pod.phase is Phase.CREATING:
        state, ids = {"waiting": _waiting(pod)}, {"imageID": ""}
    elif pod.phase is Phase.BACKOFF and pod.exits_in_a_row > 1:
        text = f"back-off {_duration(pod.backoff)} restarting failed container={pod.container}"
        text += f" pod={pod.name}_{pod.namespace}({pod.uid})"
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": text}}
    elif pod.phase is Phase.BACKOFF:
        state = _last_state(pod)
    return {
        "name": container["name"],
        "state": state,
        "lastState": _last_state(pod),
        "ready": pod.serving,
        "started": pod.serving,
        "restartCount": pod.restarts,
        "image": image,
    } | ids


def _waiting(pod: Pod) -> Object:
    if not pod.pull_error:
        return {"reason": "ContainerCreating"}
    return {
        "reason": "ImagePullBackOff",
        "message": f'Back-off pulling image "{pod.image}": {pod.pull_error}',
    }


def _last_state(pod: Pod) -> Object:
    if pod.last_exit is None:
        return {}
    code, reason, started, finished = pod.last_exit
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": timestamp(started),
            "finishedAt": timestamp(finished),
            "containerID": _container_id(pod),
        }
    }


def _container_id(pod: Pod) -> str:
    return f"containerd://{pod.uid.replace('-', '')}{pod.restarts:032x}"


def _condition(kind: str, status: bool, at: float, **why: str) -> Object:
    changed = {"lastProbeTime": None, "lastTransitionTime": timestamp(at)}
    return {"type": kind, "status": str(status)} | changed | why


def _duration(seconds: float) -> str:
    """Format seconds as Go does: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
