"""The Event on the target: it shows in kubectl who changed it, and why."""

from __future__ import annotations

from datetime import UTC, datetime

from actions.audit.anchor import LABEL
from actions.audit.redaction import redacted_text
from actions.planning.plan import MANAGER, Mutation
from actions.request import Target
from fleet.kinds.registry import kind_of
from fleet.sources.kube.resources import EVENTS

_VERSIONS = {"HorizontalPodAutoscaler": "autoscaling/v2", "ScaledObject": "keda.sh/v1alpha1"}

_LONGEST = 1024
"""Characters of a message that the API server takes."""
NAMESPACE = "default"
"""Namespace of the events of cluster-scoped objects, as the node controller's."""


def is_note(path: str) -> bool:
    """True if a request to this path writes one."""
    return path.endswith(f"/{EVENTS.name}")


def note(kind: str, target: Target, title: str, user: str, reason: str, at: float, anchor: str = "") -> Mutation:
    """The request that writes it; ``at`` in Unix seconds.

    ``anchor`` is that of the audit log: who writes the log cannot change it here. More people may read this than the
    log: no secret of the reason is in it, either.
    """
    when = datetime.fromtimestamp(at, UTC)
    stamp = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    namespace = target.namespace or NAMESPACE
    why = f": {redacted_text(reason)}" if reason else ""
    end = f" ({LABEL} {anchor})" if anchor else ""
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        # Named as client-go names events: the object, and the time in hexadecimal nanoseconds.
        "metadata": {"name": f"{target.name}.{int(at * 1e9):x}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": _VERSIONS.get(target.kind) or kind_of(target.kind).api_version or "v1",
            "kind": target.kind,
            "name": target.name,
            "uid": target.uid,
            **({"namespace": target.namespace} if target.namespace else {}),
        },
        "type": "Normal",
        "reason": "".join(part.capitalize() for part in kind.split("-")),
        "action": kind,
        "message": f"{title}, by {user or 'unknown'} with quarterdeck{why}"[: _LONGEST - len(end)] + end,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": MANAGER,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
    return Mutation("POST", EVENTS.path(namespace), body, about="an Event on the target")
