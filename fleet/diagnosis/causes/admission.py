"""Pods that are never created: what the API server answers to the controller that would create them.

A Deployment's controller copies it into the condition ReplicaFailure (reason FailedCreate); the words are those of the
admission plugins of kubernetes/plugin/pkg/admission and apiserver/pkg/admission.
"""

from __future__ import annotations

import re

from fleet.diagnosis.cause import Help, SameWords, Stage, WorkloadCause, says
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subject import WorkloadSubject
from fleet.model.objects import Workload
from fleet.model.severity import Severity

REFUSALS = {
    "quota-exceeded": r"exceeded quota: ([\w.-]+)|failed quota: ([\w.-]+)",
    "admission-denied": r'admission webhook "([^"]+)" denied|ValidatingAdmissionPolicy \'([^\']+)\'',
    "webhook-unreachable": r'failed calling webhook "([^"]+)"',
    "pod-security-violated": r'violates PodSecurity "([^"]+)"',
    "limit-range-violated": r"(?:minimum|maximum) ([\w./-]+) usage per (?:Container|Pod)",
    "service-account-missing": r'error looking up service account \S+: serviceaccount "([^"]+)" not found',
}
"""Cause → the pattern of its message; a group in it captures the name of the refusing or missing object."""
_COMPILED = {name: re.compile(words) for name, words in REFUSALS.items()}


def is_rejected(workload: Workload) -> bool:
    """True if its status says that its pods are rejected."""
    return any(one.type == "ReplicaFailure" and one.status == "True" for one in workload.conditions)


def _message(subject: WorkloadSubject) -> str:
    found = (one for one in subject.workload.conditions if one.type == "ReplicaFailure" and one.status == "True")
    return next((one.message for one in found), "")


def rejection(message: str) -> str:
    """Return in words why the API server rejects a pod, by its answer; empty for none."""
    name, by = _refusal(message)
    cause = next((one for one in OF_ADMISSION if one.id == name), REFUSED)
    told = cause.words.words if isinstance(cause.words, SameWords) else cause.sentence
    return "" if not message else f"{told}: {by}" if by else told


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


def _cause(name: str, sentence: str, words: str, *helps: Help, told: str, avoid: tuple[str, ...] = ()) -> WorkloadCause:
    return WorkloadCause(
        id=name,
        stage=Stage.BROKEN,
        severity=Severity.WARNING,
        sentence=sentence,
        words=says(words),
        must=(_REFUSED, _refused_by(told)),
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
    "quota exhausted",
    Help("scale down this workload or a neighbour", "scale"),
    told="quota-exceeded",
    avoid=("Do not look for a free GPU: the pod is rejected before the scheduler sees it.",),
)
DENIED = _cause(
    "admission-denied",
    "An admission webhook or policy rejects the workload's pods.",
    "pods rejected by admission",
    _BEFORE,
    Help("see what changed before", "past"),
    told="admission-denied",
    avoid=("Do not restart the rollout: the same template is rejected again.",),
)
WEBHOOK_DOWN = _cause(
    "webhook-unreachable",
    "An admission webhook does not answer, and no pod is created without its answer.",
    "admission webhook does not answer",
    told="webhook-unreachable",
    avoid=("Do not delete the webhook's configuration: everyone may then do what it forbids.",),
)
SECURITY = _cause(
    "pod-security-violated",
    "The namespace's Pod Security standard forbids the workload's pods.",
    "pods rejected by Pod Security",
    _BEFORE,
    told="pod-security-violated",
)
LIMITS = _cause(
    "limit-range-violated",
    "A LimitRange of the namespace forbids what a container of the workload requests.",
    "pods rejected by a LimitRange",
    _BEFORE,
    told="limit-range-violated",
)
ACCOUNT = _cause(
    "service-account-missing",
    "The service account of the workload's pods does not exist.",
    "service account missing",
    _BEFORE,
    told="service-account-missing",
)
REFUSED = _cause("pods-refused", "The API server rejects the workload's pods.", "pods rejected", _BEFORE, told="")
OF_ADMISSION = (QUOTA, DENIED, WEBHOOK_DOWN, SECURITY, LIMITS, ACCOUNT, REFUSED)
"""Causes of pods that are not made: one of these holds, by the API server's answer."""
