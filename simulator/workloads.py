"""Pod templates, and the objects that make pods of them: Deployment, ReplicaSet, StatefulSet, DaemonSet."""

from __future__ import annotations

from simulator.blueprint import WorkloadSpec
from simulator.objects import ENGINE_PORT, POOL_LABEL, WORKLOAD_LABEL, Object, manifest, safe_hash


def engine_template(workload: WorkloadSpec, revision: str, resource: str) -> Object:
    """The pod template of a vLLM workload, as its Deployment carries it."""
    model = workload.model
    args = [
        *("--model", model.repository, "--served-model-name", workload.served, "--revision", revision),
        *("--tensor-parallel-size", str(workload.gpus), "--max-model-len", str(model.engine.max_model_len)),
        *("--max-num-seqs", str(model.engine.max_num_seqs), "--gpu-memory-utilization", "0.92"),
        *("--port", str(ENGINE_PORT)),
    ]
    if workload.asleep:
        args.append("--enable-sleep-mode")
    count = str(workload.gpus)
    probe: Object = {"httpGet": {"path": "/health", "port": "http", "scheme": "HTTP"}, "timeoutSeconds": 5}
    container: Object = {
        "name": "vllm",
        "image": f"vllm/vllm-openai:v{workload.version}",
        "command": ["vllm", "serve"],
        "args": args,
        "ports": [{"name": "http", "containerPort": ENGINE_PORT, "protocol": "TCP"}],
        "env": [{"name": "HF_HUB_OFFLINE", "value": "1"}],
        "resources": {
            "limits": {resource: count, "memory": f"{96 * workload.gpus}Gi"},
            "requests": {resource: count, "cpu": "8", "memory": f"{64 * workload.gpus}Gi"},
        },
        "startupProbe": probe | {"periodSeconds": 10, "successThreshold": 1, "failureThreshold": 60},
        "readinessProbe": probe | {"periodSeconds": 5, "successThreshold": 1, "failureThreshold": 3},
        "livenessProbe": probe | {"periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    labels = {WORKLOAD_LABEL: workload.name, "app.kubernetes.io/component": "engine"}
    scrape = {"prometheus.io/scrape": "true", "prometheus.io/port": str(ENGINE_PORT)}
    return template(labels, container, workload.pool, scrape)


def system_template(name: str, container: str, image: str, port: int, node_pool: str = "") -> Object:
    """The pod template of something that is not an engine."""
    content: Object = {
        "name": container,
        "image": image,
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "250m", "memory": "256Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return template({WORKLOAD_LABEL: name}, content, node_pool, {})


def template(labels: Object, container: Object, node_pool: str, annotations: Object) -> Object:
    """A pod template with one container, as the API server fills in its defaults."""
    metadata: Object = {"labels": labels} | ({"annotations": annotations} if annotations else {})
    spec: Object = {
        "containers": [container],
        "restartPolicy": "Always",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 60,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }
    if node_pool:
        spec["nodeSelector"] = {POOL_LABEL: node_pool}
    return {"metadata": metadata, "spec": spec}


def deployment(
    namespace: str, name: str, replicas: int, pod_template: Object, created: float, *, one_by_one: bool
) -> Object:
    """A Deployment; with `one_by_one` it frees a replica's GPUs before it starts the next."""
    labels = {WORKLOAD_LABEL: name}
    rolling = {"maxUnavailable": 1, "maxSurge": 0} if one_by_one else {"maxUnavailable": "25%", "maxSurge": "25%"}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": pod_template,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    obj = manifest(
        "apps/v1", "Deployment", name, created, namespace=namespace, labels=labels, manager="helm", spec=spec
    )
    obj["metadata"]["generation"] = 1
    return obj


def replica_set(deployment: Object, revision: int, pod_template: Object, created: float, replicas: int) -> Object:
    """The ReplicaSet of one revision of a Deployment."""
    meta = deployment["metadata"]
    suffix = safe_hash(pod_template)
    labels = {**pod_template["metadata"]["labels"], "pod-template-hash": suffix}
    stamped = {**pod_template, "metadata": {**pod_template["metadata"], "labels": labels}}
    return manifest(
        "apps/v1",
        "ReplicaSet",
        f"{meta['name']}-{suffix}",
        created,
        namespace=meta["namespace"],
        labels=labels,
        annotations={
            "deployment.kubernetes.io/desired-replicas": str(deployment["spec"]["replicas"]),
            "deployment.kubernetes.io/revision": str(revision),
        },
        owned_by=deployment,
        spec={
            "replicas": replicas,
            "selector": {"matchLabels": {WORKLOAD_LABEL: meta["name"], "pod-template-hash": suffix}},
            "template": stamped,
        },
    )


def stateful_set(namespace: str, name: str, replicas: int, pod_template: Object, created: float) -> Object:
    """A StatefulSet that starts its pods in parallel."""
    labels = {WORKLOAD_LABEL: name}
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": pod_template,
        "serviceName": name,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    obj = manifest(
        "apps/v1", "StatefulSet", name, created, namespace=namespace, labels=labels, manager="helm", spec=spec
    )
    obj["metadata"]["generation"] = 1
    return obj


def controller_revision(stateful: Object, revision: int, pod_template: Object, created: float) -> Object:
    """What a StatefulSet remembers of one of its templates."""
    meta = stateful["metadata"]
    suffix = safe_hash(pod_template)
    labels = {WORKLOAD_LABEL: meta["name"], "controller.kubernetes.io/hash": suffix}
    return manifest(
        "apps/v1",
        "ControllerRevision",
        f"{meta['name']}-{suffix}",
        created,
        namespace=meta["namespace"],
        labels=labels,
        owned_by=stateful,
        data={"spec": {"template": {**pod_template, "$patch": "replace"}}},
        revision=revision,
    )


def daemon_set(namespace: str, name: str, pod_template: Object, nodes: int, created: float) -> Object:
    """A DaemonSet that runs on all of `nodes` nodes."""
    labels = {WORKLOAD_LABEL: name}
    return manifest(
        "apps/v1",
        "DaemonSet",
        name,
        created,
        namespace=namespace,
        labels=labels,
        manager="helm",
        spec={
            "selector": {"matchLabels": labels},
            "template": pod_template,
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
            },
            "revisionHistoryLimit": 10,
        },
        status={
            "currentNumberScheduled": nodes,
            "desiredNumberScheduled": nodes,
            "numberMisscheduled": 0,
            "numberReady": nodes,
            "numberAvailable": nodes,
            "updatedNumberScheduled": nodes,
            "observedGeneration": 1,
        },
    )
