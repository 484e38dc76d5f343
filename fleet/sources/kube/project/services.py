"""Raw Service (v1) → row."""

from __future__ import annotations

from fleet.json_fields import Raw, integer, mapping, mappings, text
from fleet.model.objects import Service
from fleet.sources.kube.interner import Interner


def project_service(raw: Raw, interner: Interner) -> Service:
    """The row of a service."""
    metadata, spec = mapping(raw, "metadata"), mapping(raw, "spec")
    share = interner.share
    return Service(
        namespace=share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        type=share(text(spec, "type") or "ClusterIP"),
        selector=interner.strings(spec.get("selector")),
        ports=tuple((share(text(port, "name")), integer(port, "port")) for port in mappings(spec, "ports")),
        labels=interner.strings(metadata.get("labels")),
    )
