"""Images that cannot be pulled, and why: the words of registries and container runtimes."""

from __future__ import annotations

import re

from fleet.diagnosis.cause import Help, PodCause, Stage
from fleet.diagnosis.causes import container_signs as signs
from fleet.diagnosis.causes.container_signs import is_of_image
from fleet.diagnosis.causes.symptoms import OVERLOAD
from fleet.diagnosis.families.reported_cause import ReportedCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.gist import gist
from fleet.diagnosis.subjects.pod_reports import CREATED, PodReports, Reported
from fleet.diagnosis.subjects.subject import PodSubject
from fleet.model.severity import Severity

PULLS = {
    "no image for this platform": r"no match for platform|no matching manifest",
    "the registry's rate limit": r"\b429\b|toomanyrequests",
    "access denied": r"\b40[13]\b|unauthorized|denied|no basic auth",
    "not found": r"not found|manifest unknown",
    "certificate not trusted": r"x509",
    "the registry fails": r"\b50[0-4]\b|internal server error|bad gateway|service unavailable",
    "registry unreachable": (
        r"dial tcp|no such host|i/o timeout|connection re(?:fused|set)|TLS handshake timeout|unexpected EOF|"
        r"context deadline exceeded"
    ),
    "no space left": r"no space left",
    "damaged": r"failed size validation|digest mismatch|unexpected commit digest|failed to verify",
}
"""Reason of a failed pull → the words of registries and container runtimes that show it."""


def _pull(subject: PodSubject) -> str:
    messages = " ".join(one.message for one in subject.pod.containers)
    why = next((name for name, words in PULLS.items() if re.search(words, messages, re.IGNORECASE)), "")
    if not why:
        # The kubelet's back-off repeats what it waits for, not why.
        answers = (one.message for one in subject.pod.containers if is_of_image(one.reason))
        why = next((gist(one) for one in answers if one and not one.startswith("Back-off")), "")
    return f"{signs.status(subject)}: {why}" if why else signs.status(subject)


IMAGE = PodCause(
    id="image-not-pulled",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container's image cannot be pulled.",
    words=_pull,
    must=(signs.STOPPED, signs.IMAGE),
    explains=(*OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    helps=(Help("read what the registry answered", "describe"), Help("roll back to the previous revision", "rollback")),
    decides=('the pull event: "not found" means the name, "denied" the pull secret, "timeout" the network',),
)
_SECRET_MISSING = Reported("a pull secret of it is missing", ("FailedToRetrieveImagePullSecret",), "", CREATED)
SECRET_MISSING = ReportedCause(
    id="image-pull-secret-missing",
    stage=Stage.BROKEN,
    severity=Severity.CRITICAL,
    sentence="A container's image cannot be pulled, and a pull secret that the pod names does not exist.",
    words=lambda of: f"pull secret {_secret(of)} missing",
    must=(
        Fact[PodReports](
            "its image cannot be had",
            "status.containerStatuses",
            lambda of: any(is_of_image(one.reason) for one in of.pod.containers),
        ),
        _SECRET_MISSING,
    ),
    explains=("image-not-pulled", *OVERLOAD, "rollout-stuck"),
    peers=True,
    after=60,
    helps=(
        Help("see which secret it names", "describe"),
        Help("create the secret in this namespace, or name another one in the service account"),
        Help("roll back to the previous revision", "rollback"),
    ),
    decides=("whether the registry wants credentials at all: for a public image the answer is not 401",),
)


def _secret(of: PodReports) -> str:
    """Return the names of the secrets that the kubelet cannot read."""
    found = re.search(r"\(([^)]+)\)", _SECRET_MISSING.shows(of))
    return found[1] if found else ""
