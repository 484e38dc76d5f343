"""Logs for the tests of writing and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from actions.audit.log import LIMIT, AuditLog
from actions.audit.who import Who

WHO = Who("oncall@corp", ("sre",), "mia", "laptop", "10.1.2.3 port 51000", 1000)
NOW = 1_790_000_000.0

PATCH = {
    "step": 0,
    "method": "PATCH",
    "path": "/apis/apps/v1/namespaces/serving/deployments/chat-70b/scale",
    "query": {"fieldManager": "quarterdeck"},
    "content_type": "application/merge-patch+json",
    "body": {"spec": {"replicas": 6}},
}
EVENT = {
    "step": 0,
    "method": "POST",
    "path": "/api/v1/namespaces/serving/events",
    "query": {},
    "content_type": "application/json",
    "body": {"kind": "Event"},
}


def log_in(folder: Path, *, limit: int = LIMIT, who: Who = WHO) -> AuditLog:
    """A log whose clock advances by a second with every record."""
    ticks = iter(range(1_000_000))
    return AuditLog(folder, who, clock=lambda: NOW + next(ticks), limit_bytes=limit)


def intent(name: str = "chat-70b", **more: Any) -> dict[str, Any]:
    """The content of an intent as the runner records it."""
    return {
        "id": "a1",
        "kind": "scale",
        "title": f"Scale {name} to 6",
        "made_at": NOW,
        "scope": {"context": "prod-eu1", "server": "https://eu1", "user": "oncall@corp", "production": True},
        "target": {"kind": "Deployment", "namespace": "serving", "name": name, "uid": "uid-1"},
        "request": {"kind": "scale", "target": {}, "replicas": 6},
        "verdict": "warn",
        "checks": [{"about": "autoscaler", "verdict": "warn", "text": "an HPA would undo it", "fix": "its minimum"}],
        "changes": [{"what": "replicas", "before": "4", "after": "6"}],
        "blast": [],
        "steps": [{"title": "Set replicas to 6", "detail": ""}, {"title": "Wait", "detail": ""}],
        "requests": [PATCH | {"about": "replicas"}, EVENT | {"about": "an Event on the target"}],
        "diff": "",
        "undo": {"text": "scale back to 4", "request": {"kind": "scale", "replicas": 4}},
        "reason": "INC-7",
        "confirmation": "typed chat-70b",
    } | more


def answered(status: int = 200, **more: Any) -> dict[str, Any]:
    """The content of an answer."""
    return {"step": 0, "status": status, "audit_id": "aud-1", "uid": "uid-1", "resource_version": "42"} | more


RESULT: Mapping[str, Any] = {
    "result": "converged",
    "text": "6 of 6 replicas are ready",
    "remedy": "",
    "before": {"at": NOW, "waiting": 31.0, "ttft_p95": 2.5, "error_ratio": 0.01},
    "after": {"at": NOW + 60, "waiting": 2.0, "ttft_p95": 0.4, "error_ratio": None},
}


def filled(folder: Path, actions: int = 3, *, limit: int = LIMIT) -> AuditLog:
    """A log with finished actions ``a1`` and on, five records each."""
    log = log_in(folder, limit=limit)
    for number in range(1, actions + 1):
        action = f"a{number}"
        log.append("intent", action, intent(id=action))
        log.append("sending", action, PATCH)
        log.append("answered", action, answered())
        log.append("step", action, {"step": 1, "text": "6 of 6"})
        log.append("result", action, RESULT)
    return log


def only_file(folder: Path) -> Path:
    """Return the one file of a log."""
    [file] = folder.glob("audit-*.jsonl")
    return file
