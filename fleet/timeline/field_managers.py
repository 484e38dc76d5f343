"""The tool that wrote to an object, from its field manager: the server keeps the tool, and never the user."""

from __future__ import annotations

from fnmatch import fnmatchcase

_TOOLS = (
    ("kubectl-rollout", "kubectl rollout"),
    ("kubectl*", "kubectl"),
    ("argocd*", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux (Helm)"),
    ("flux*", "Flux"),
    ("helm", "Helm"),
    ("keda*", "KEDA"),
    ("terraform*", "Terraform"),
    ("quarterdeck", "quarterdeck"),
    ("kubelet", "kubelet"),
    ("kube-scheduler", "scheduler"),
    ("kube-controller-manager", "controller manager"),
)
"""Pattern of a manager's name, and the tool's common name; the first match wins."""

OWN_HANDS = frozenset({"controller manager", "kubelet", "scheduler"})
"""Parts of every cluster, which write on another's behalf."""
AUTOSCALER = "autoscaler"


_IN_FULL = frozenset(
    {
        "argocd-application-controller",
        "argocd-controller",
        "keda-operator",
        "kubectl-client-side-apply",
        "kubectl-create",
        "kubectl-edit",
        "kubectl-patch",
        "kubectl-set",
    }
)
"""Names of managers that common tools use."""


def is_common_tool(manager: str) -> bool:
    """True for the name of a tool that identifies nobody. A longer name may: anybody may choose one."""
    return manager in _IN_FULL or any(manager == pattern.removesuffix("*") for pattern, _ in _TOOLS)


def tool(manager: str, subresource: str = "") -> str:
    """Return the name of a manager's tool; the manager's own name if unknown, empty for "unknown".

    The only part of the controller manager that writes through ``scale`` is the HorizontalPodAutoscaler's controller
    (kubernetes/kubernetes, pkg/controller/podautoscaler).
    """
    if manager == "unknown":
        return ""
    known = next((name for pattern, name in _TOOLS if fnmatchcase(manager, pattern)), manager)
    return AUTOSCALER if known == "controller manager" and subresource == "scale" else known
