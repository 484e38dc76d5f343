"""Pods that are never created: what the API server answers to the controller that would create them.

A Deployment's controller copies it into the condition ReplicaFailure (reason FailedCreate); the words are those of the
admission plugins of kubernetes/plugin/pkg/admission and apiserver/pkg/admission.
"""

from __future__ import annotations

import re

from fleet.diagnosis.cause import Help, Stage, WorkloadCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.subject import WorkloadSubject
from fleet.model.objects import Condition, Workload
from fleet.model.severity import Severity

REFUSALS = {
    "quota-exceeded": r"exceeded quota: ([\w.-]+)|failed quota: ([\w.-]+)",
    "admission-denied": r'admission webhook "([^"]+)" denied|ValidatingAdmissionPolicy \'([^\']+)\'',
    "webhook-unreachable": r'failed calling webhook "([^"]+)"',
    "pod-security-violated": (
        r'violates PodSecurity "([^"]+)"|any security context constraint: \[(?:provider )?"?([\w.-]+)'
    ),
    "limit-range-violated": (
        r"(?:minimum|maximum) ([\w./-]+) usage per (?:Container|Pod)|([\w./-]+) max limit to request ratio per"
    ),
    "service-account-missing": r'error looking up service account \S+: serviceaccount "([^"]+)" not found',
    "pod-class-missing": r'no PriorityClass with name (\S+) was found|RuntimeClass "([^"]+)" not found',
    "namespace-terminating": r"in namespace (\S+) because it is being terminated",
    "pod-invalid": r'Pod "[^"]*" is invalid: (.+)',
    "control-plane-fails": (
        r"(etcdserver: (?!request is too large).+|(?:request )?did not complete within.+|"
        r"the server (?:is currently|was) unable.+|"
        r"too many requests.*|connection refused.*|context deadline exceeded.*)"
    ),
}
"""Cause → the pattern of its message; a group in it captures the name of the refusing or missing object."""
_COMPILED = {name: re.compile(words, re.DOTALL) for name, words in REFUSALS.items()}
_WORDS = {
    "quota-exceeded": "quota exhausted",
    "admission-denied": "pods rejected by admission",
    "webhook-unreachable": "admission webhook does not answer",
    "pod-security-violated": "pods rejected by Pod Security",
    "limit-range-violated": "pods rejected by a LimitRange",
    "service-account-missing": "service account missing",
    "pod-class-missing": "a class that its pods name is missing",
    "namespace-terminating": "namespace is being deleted",
    "pod-invalid": "its pods are invalid",
    "control-plane-fails": "the control plane fails",
    "": "pods rejected",
}
"""Cause → what is told in a row of a table, before the name of what refuses; the last is that of all others."""


def is_rejected(workload: Workload) -> bool:
    """True if its status says that its pods are rejected, or the object that would make them."""
    return any(map(_tells_rejection, workload.conditions))


def _tells_rejection(condition: Condition) -> bool:
    failed = condition.type == "ReplicaFailure" and condition.status == "True"
    return failed or (condition.type == "Progressing" and condition.reason == "ReplicaSetCreateError")


def _message(subject: WorkloadSubject) -> str:
    return next((one.message for one in subject.workload.conditions if _tells_rejection(one)), "")


def rejection(message: str) -> str:
    """Return in words why the API server rejects a pod, by its answer; empty for none."""
    return f"{_WORDS[_refusal(message)[0]]}: {gist(_refusal(message)[1] or message)}" if message else ""


def _refusal(message: str) -> tuple[str, str]:
    """Return the cause of a refusal and the name in it; both empty for an unknown message."""
    for name, words in _COMPILED.items():
        if match := words.search(message):
            return name, next((group for group in match.groups() if group), "")
    return "", ""


def _by(subject: WorkloadSubject) -> str:
    return _refusal(_message(subject))[1]


_REFUSED: Fact[WorkloadSubject] = Fact(
    "its pods are rejected",
    "condition ReplicaFailure",
    lambda subject: is_rejected(subject.workload),
    _message,
)
_NONE_READY: Fact[WorkloadSubject] = Fact(
    "no replica is ready", "condition Ready of the pods", lambda subject: not subject.ready
)
_DESCRIBE = Help("read what the API server answered", "describe")
_BEFORE = Help("roll back to the previous revision", "rollback")


def _refused_by(name: str) -> Fact[WorkloadSubject]:
    return Fact(
        "the reason is " + (name or "some other reason"),
        "condition ReplicaFailure",
        lambda subject: _refusal(_message(subject))[0] == name,
        _by,
    )


def _cause(
    name: str, sentence: str, *helps: Help, avoid: tuple[str, ...] = (), reason: str | None = None
) -> WorkloadCause:
    return WorkloadCause(
        id=name,
        stage=Stage.BROKEN,
        severity=Severity.WARNING,
        sentence=sentence,
        words=lambda subject: rejection(_message(subject)),
        must=(_REFUSED, _refused_by(name if reason is None else reason)),
        serious=(_NONE_READY,),
        explains=("rollout-stuck", "replicas-missing", "no-replica-ready"),
        # A controller retries at once, and may succeed with another node or quota.
        after=30,
        helps=(_DESCRIBE, *helps),
        avoid=avoid,
    )


QUOTA = _cause(
    "quota-exceeded",
    "The namespace's quota is exhausted: the workload's pods are not created.",
    Help("scale down this workload or a neighbour", "scale"),
    avoid=("Do not look for a free GPU: the pod is rejected before the scheduler sees it.",),
)
DENIED = _cause(
    "admission-denied",
    "An admission webhook or policy rejects the workload's pods.",
    _BEFORE,
    Help("see what changed before", "past"),
    avoid=("Do not restart the rollout: the same template is rejected again.",),
)
WEBHOOK_DOWN = _cause(
    "webhook-unreachable",
    "An admission webhook does not answer, and no pod is created without its answer.",
    avoid=("Do not delete the webhook's configuration: everyone may then do what it forbids.",),
)
SECURITY = _cause(
    "pod-security-violated",
    "The namespace's Pod Security standard, or a security context constraint, forbids the workload's pods.",
    _BEFORE,
)
LIMITS = _cause(
    "limit-range-violated",
    "A LimitRange of the namespace forbids what a container of the workload requests.",
    _BEFORE,
)
ACCOUNT = _cause(
    "service-account-missing",
    "The service account of the workload's pods does not exist.",
    _BEFORE,
)
CLASS = _cause(
    "pod-class-missing",
    "The priority class or the runtime class that the workload's pods name does not exist.",
    _BEFORE,
    Help("create the class, or install what brings it: a GPU operator brings the runtime class of its GPUs"),
    avoid=("Do not remove runtimeClassName to get the pods created: without it they may start without GPUs.",),
)
NAMESPACE = _cause(
    "namespace-terminating",
    "The namespace is being deleted: nothing new can be created in it.",
    Help("see who deleted it, and when", "past"),
    avoid=("Do not remove the namespace's finalizers: what they wait for stays behind, and nobody owns it.",),
)
INVALID = _cause(
    "pod-invalid",
    "The workload's pods are invalid as they arrive at the API server, after all webhooks and defaults.",
    _BEFORE,
    avoid=("Do not look at the template alone: a webhook or a LimitRange may add what makes the pods invalid.",),
)
CONTROL_PLANE = _cause(
    "control-plane-fails",
    "The control plane fails to store the workload's pods: etcd or the API server refuses or is too slow.",
    Help("see whether the API server answers in time", "sources"),
    avoid=("Do not restart workloads now: the pods that go may not come back.",),
)
REFUSED = _cause("pods-refused", "The API server rejects the workload's pods.", _BEFORE, reason="")
OF_ADMISSION = (
    QUOTA,
    DENIED,
    WEBHOOK_DOWN,
    SECURITY,
    LIMITS,
    ACCOUNT,
    CLASS,
    NAMESPACE,
    INVALID,
    CONTROL_PLANE,
    REFUSED,
)
"""Causes of pods that are not made: one of these holds, by the API server's answer."""
