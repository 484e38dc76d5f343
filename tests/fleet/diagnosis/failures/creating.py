"""Pods that the API server refuses, in its words (kubernetes/plugin/pkg/admission, apiserver)."""

from __future__ import annotations

from functools import partial

from tests.fleet.diagnosis.cluster import SPACE, Cluster, Failure, rejected

CHAT = f"{SPACE}/Deployment/chat"
POD = 'pods "chat-5d8f-x7k2p" is forbidden: '


def _refused(name: str, cause: str, says: str, message: str) -> Failure:
    return Failure(name, cause, CHAT, says, partial(rejected, message=message))


def _stateful(message: str, kind: str = "StatefulSet") -> partial[None]:
    def refused(cluster: Cluster) -> None:
        cluster.top["spec"]["replicas"] = 4
        text = f"create Pod chat-3 in StatefulSet chat failed error: {message}"
        cluster.event("StatefulSet", "chat", "FailedCreate", text)

    return partial(refused)


def _warned(kind: str, name: str, reason: str, message: str) -> partial[None]:
    """A workload of four of which three exist; only a warning about what makes them says why."""

    def change(cluster: Cluster) -> None:
        cluster.top["spec"]["replicas"] = 4
        cluster.event(kind, name, reason, message)

    return partial(change)


FAILURES = (
    Failure(
        "controller cannot mutate",
        "pods-not-created",
        f"{SPACE}/LeaderWorkerSet/chat",
        "podgroups",
        _warned(
            "LeaderWorkerSet",
            "chat",
            "FailedReconcile",
            'podgroups.scheduling.volcano.sh is forbidden: User "lws" cannot create resource "podgroups"',
        ),
        "LeaderWorkerSet",
    ),
    Failure(
        "operator of the same name fails",
        "pods-not-created",
        CHAT,
        "conversion webhook",
        _warned(
            "InferenceService",
            "chat",
            "InternalError",
            'conversion webhook for serving.kserve.io/v1beta1, Kind=InferenceService failed: Post "https://kserve"',
        ),
    ),
    _refused(
        "quota",
        "quota-exceeded",
        "gpus",
        POD + "exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=3, "
        "limited: requests.nvidia.com/gpu=3",
    ),
    _refused(
        "quota wants limits",
        "quota-exceeded",
        "compute",
        POD + "failed quota: compute: must specify limits.memory for: vllm; requests.memory for: vllm",
    ),
    _refused(
        "limit range",
        "limit-range-violated",
        "memory",
        POD + "maximum memory usage per Container is 64Gi, but limit is 96Gi",
    ),
    _refused(
        "limit to request ratio",
        "limit-range-violated",
        "cpu",
        POD + "cpu max limit to request ratio per Container is 2, but provided ratio is 8.000000",
    ),
    _refused(
        "pod security",
        "pod-security-violated",
        "restricted",
        POD + 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "vllm")',
    ),
    _refused(
        "security context constraints",
        "pod-security-violated",
        "anyuid",
        POD + "unable to validate against any security context constraint: [provider anyuid: .spec.securityContext."
        "hostIPC: Invalid value: true: Host IPC is not allowed to be used]",
    ),
    _refused(
        "webhook denies",
        "admission-denied",
        "kyverno",
        'admission webhook "validate.kyverno.svc-fail" denied the request: \n\nresource Pod/serving/chat was blocked',
    ),
    _refused(
        "policy denies",
        "admission-denied",
        "no-latest",
        POD + "ValidatingAdmissionPolicy 'no-latest' with binding 'no-latest' denied request: image tags are required",
    ),
    _refused(
        "webhook down",
        "webhook-unreachable",
        "connection refused",
        'Internal error occurred: failed calling webhook "pods.kueue.x-k8s.io": failed to call webhook: Post '
        '"https://kueue-webhook-service.kueue.svc:443/mutate?timeout=10s": dial tcp 10.96.3.7:443: connect: '
        "connection refused",
    ),
    _refused(
        "webhook certificate",
        "webhook-unreachable",
        "x509",
        'Internal error occurred: failed calling webhook "inject.istio.io": failed to call webhook: Post '
        '"https://istiod.istio-system.svc:443/inject?timeout=10s": tls: failed to verify certificate: x509: '
        "certificate has expired or is not yet valid",
    ),
    _refused(
        "service account",
        "service-account-missing",
        "chat-sa",
        POD + 'error looking up service account serving/chat-sa: serviceaccount "chat-sa" not found',
    ),
    _refused(
        "priority class",
        "pod-class-missing",
        "serving-high",
        POD + "no PriorityClass with name serving-high was found",
    ),
    _refused("runtime class", "pod-class-missing", "nvidia", POD + 'pod rejected: RuntimeClass "nvidia" not found'),
    _refused(
        "namespace terminating",
        "namespace-terminating",
        "serving",
        POD + "unable to create new content in namespace serving because it is being terminated",
    ),
    _refused(
        "invalid pod",
        "pod-invalid",
        "must be less than or equal to memory limit",
        'Pod "chat-5d8f-x7k2p" is invalid: spec.containers[0].resources.requests: Invalid value: "96Gi": must be less '
        "than or equal to memory limit of 64Gi",
    ),
    _refused(
        "etcd full",
        "control-plane-fails",
        "space exceeded",
        "etcdserver: mvcc: database space exceeded",
    ),
    _refused(
        "etcd slow",
        "control-plane-fails",
        "timed out",
        "etcdserver: request timed out",
    ),
    _refused(
        "object too large",
        "pods-refused",
        "request is too large",
        "rpc error: code = ResourceExhausted desc = etcdserver: request is too large",
    ),
    _refused(
        "control plane forbids",
        "pods-refused",
        "cannot create resource",
        POD + 'User "system:serviceaccount:kube-system:replicaset-controller" cannot create resource "pods"',
    ),
    Failure(
        "statefulset over quota",
        "pods-not-created",
        f"{SPACE}/StatefulSet/chat",
        "exceeded quota: gpus",
        _stateful('pods "chat-3" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'),
        "StatefulSet",
    ),
    Failure(
        "leaders over quota",
        "pods-not-created",
        f"{SPACE}/LeaderWorkerSet/chat",
        "exceeded quota: gpus",
        _stateful('pods "chat-3" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1'),
        "LeaderWorkerSet",
    ),
)
