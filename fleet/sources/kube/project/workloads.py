"""A raw object of any kind of workload → :class:`~fleet.model.objects.Workload`."""

from __future__ import annotations

from fleet.json_fields import Raw, integer, mapping, moment, text
from fleet.kinds.kind import Replicas, WorkloadKind, count_at, value_at
from fleet.model.objects import Workload
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.common_fields import conditions, owner
from fleet.sources.kube.project.gpu import pod_gpus
from fleet.sources.kube.project.kept_annotations import is_note
from fleet.sources.kube.project.model_version import model_version
from fleet.sources.kube.project.template_write import template_write

_PLAIN = Replicas()


def project_workload(kind: WorkloadKind, raw: Raw, interner: Interner) -> Workload:
    """Return the row of an object of this kind. Its GPUs are those of one replica, its version that of the serving
    pod.
    """
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    share, counts = interner.share, kind.replicas or _PLAIN
    templates = kind.templates(raw)
    revision = value_at(raw, kind.revision)
    rolling = mapping(spec, kind.update) if kind.update else {}
    return Workload(
        kind=kind.kind,
        namespace=share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        created=moment(metadata, "creationTimestamp") or 0.0,
        desired=counts.wanted(raw),
        ready=count_at(raw, counts.ready),
        updated=count_at(raw, counts.updated),
        available=count_at(raw, counts.available),
        generation=integer(metadata, "generation"),
        revision=revision if isinstance(revision, str) else "",
        paused=spec.get("paused") is True,
        owner=share(owner(metadata)),
        labels=interner.strings(metadata.get("labels")),
        annotations=interner.strings(metadata.get("annotations"), is_note),
        selector=interner.strings(dict(kind.selector(raw))),
        conditions=conditions(status, interner),
        strategy=share(text(rolling, "type")),
        gpus=sum(template.pods * pod_gpus(template.spec)[0] for template in templates),
        version=model_version(templates[0].spec, {}, interner),
        template_write=None if kind.link else template_write(raw, interner),
        observed=integer(status, "observedGeneration") if "observedGeneration" in status else None,
        # A partition holds older pods back on purpose.
        ordered=kind.ordered(raw) and not integer(mapping(rolling, "rollingUpdate"), "partition"),
    )
