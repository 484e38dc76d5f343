"""The marks that GitOps controllers and Helm leave on what they apply."""

from __future__ import annotations

from simulator.objects import Object

_MANAGERS = {
    "argocd": ("argocd-controller", "Update"),
    "flux": ("kustomize-controller", "Apply"),
    "helm": ("helm", "Update"),
}
_FIELDS: Object = {"f:metadata": {"f:labels": {}, "f:annotations": {}}, "f:spec": {"f:replicas": {}, "f:template": {}}}


def as_applied_by(obj: Object, by: str) -> Object:
    """The object as `by` (argocd, flux, helm; "" for a person with kubectl) would have applied it."""
    meta = obj["metadata"]
    if by not in _MANAGERS:
        return obj
    manager, operation = _MANAGERS[by]
    labels, annotations = _marks(obj, by)
    fields = [
        entry | {"manager": manager, "operation": operation, "fieldsV1": _FIELDS} for entry in meta["managedFields"]
    ]
    changed = {
        "labels": (meta.get("labels") or {}) | labels,
        "annotations": (meta.get("annotations") or {}) | annotations,
        "managedFields": fields,
    }
    return obj | {"metadata": meta | {key: value for key, value in changed.items() if value}}


def _marks(obj: Object, by: str) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations."""
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    if by == "argocd":
        group = obj["apiVersion"].rpartition("/")[0]
        return {}, {"argocd.argoproj.io/tracking-id": f"{namespace}:{group}/{obj['kind']}:{namespace}/{name}"}
    if by == "flux":
        prefix = "kustomize.toolkit.fluxcd.io"
        return {f"{prefix}/name": namespace, f"{prefix}/namespace": "flux-system"}, {}
    release = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}
    return {"app.kubernetes.io/managed-by": "Helm"}, release
