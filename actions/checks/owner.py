"""Other owners of an object, which would revert a change.

Recognised by the labels and annotations that Argo CD ("Resource Tracking"), Flux ("Kustomization", "HelmRelease") and
Helm ("Labels and Annotations") document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.planning.plan import Check, Verdict
from actions.request import Target
from fleet.kinds.registry import grouping, kind_of

ABOUT = "owner"

_ARGO = "argocd.argoproj.io/tracking-id"
_FLUX = "kustomize.toolkit.fluxcd.io/"
_FLUX_HELM = "helm.toolkit.fluxcd.io/"
_HELM_RELEASE = "meta.helm.sh/release-name"


def check_owner(obj: Mapping[str, Any], *, field: str = "") -> Check:
    """Check the object as it is on the server, before anything is written: a write takes a field from its GitOps owner.

    ``field`` is the field that the action changes, in the spelling of managedFields (``f:replicas``): a controller that
    applied it will apply it again.
    """
    metadata = obj.get("metadata") or {}
    labels: Mapping[str, str] = metadata.get("labels") or {}
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    name = metadata.get("name", "")
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            who = _decides(reference, labels)
            return Check(
                ABOUT,
                Verdict.BLOCK,
                f"{who['kind']} {who['name']} controls {name} and puts it back within seconds",
                f"change {_owner_field(who, name, field)} instead",
            )
    if _ARGO in annotations:
        application = annotations[_ARGO].partition(":")[0]
        return Check(
            ABOUT,
            Verdict.WARN,
            f"Argo CD application {application} goes out of sync; with self-heal it reverts this within minutes",
            f"change it in Git, or turn self-heal off for {application}",
        )
    if f"{_FLUX}name" in labels:
        if annotations.get(f"{_FLUX}reconcile", labels.get(f"{_FLUX}reconcile")) == "disabled":
            return Check(
                ABOUT, Verdict.PASS, f"Flux kustomization {labels[f'{_FLUX}name']} is configured to leave {name} alone"
            )
        return Check(
            ABOUT,
            Verdict.WARN,
            f"Flux kustomization {labels[f'{_FLUX}name']} applies its own state again at its next interval",
            f"change it in Git, or annotate {name} with {_FLUX}reconcile=disabled first",
        )
    if f"{_FLUX_HELM}name" in labels:
        release = labels[f"{_FLUX_HELM}name"]
        return Check(
            ABOUT, Verdict.WARN, f"HelmRelease {release} (Flux) reverts this at its next release or drift check"
        )
    if _HELM_RELEASE in annotations:
        release = annotations[_HELM_RELEASE]
        return Check(ABOUT, Verdict.PASS, f'Helm release "{release}": stays until the next helm upgrade of it')
    applier = _applier(metadata, field) if field else ""
    if applier:
        return Check(ABOUT, Verdict.WARN, f"{applier} has applied this value and may apply it again")
    return Check(ABOUT, Verdict.PASS, f"nothing else manages {name}")


def replicas_at(owner: Target) -> str:
    """Return the place of an owner's replicas, for people."""
    return _owner_field({"kind": owner.kind, "name": owner.name}, "", "f:replicas")


def _decides(reference: Mapping[str, Any], labels: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the owner that has the values: for the workers of a multi-host engine not the leader's Pod."""
    kind = grouping(labels)
    if reference["kind"] == "Pod" and kind is not None and kind.replica is not None:
        return {"kind": kind.kind, "name": labels.get(kind.replica.workload, reference["name"])}
    return reference


def _owner_field(reference: Mapping[str, Any], name: str, field: str) -> str:
    """Return the owner's field for the value: ``spec.replicas of Rollout chat``; its name where that is not known."""
    owner = f"{reference['kind']} {reference['name']}"
    kind = kind_of(reference["kind"])
    words = {"f:replicas": kind.replicas_at, "f:template": kind.template_at, "": kind.template_at}.get(field, "")
    return f"{kind.place(words, name)} of {owner}" if words else owner


def _applier(metadata: Mapping[str, Any], field: str) -> str:
    """The manager that applied (server-side) the field; empty for none, and for our own."""
    for entry in metadata.get("managedFields") or ():
        if entry.get("operation") == "Apply" and field in (entry.get("fieldsV1") or {}).get("f:spec", {}):
            return str(entry.get("manager", ""))
    return ""
