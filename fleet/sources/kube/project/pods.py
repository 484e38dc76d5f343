"""Raw pod → :class:`~fleet.model.objects.Pod`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from fleet.json_fields import Raw, integer, mapping, mappings, moment, text, texts
from fleet.model.objects import Container, ModelVersion, Pod
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.common_fields import conditions, owner
from fleet.sources.kube.project.kept_annotations import is_note
from fleet.sources.kube.project.model_version import digest_of
from fleet.sources.kube.project.pod_status import pod_status
from fleet.sources.kube.project.template import ContainerTemplate, Template, template_of

_ENDED = ("Succeeded", "Failed")
_MESSAGE = 2048
"""Characters of a message that are kept: the kubelet keeps as many bytes of the end of a log."""


def project_pod(raw: Raw, interner: Interner) -> Pod:
    """The row of a pod."""
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    share = interner.share
    printed = pod_status(raw)
    template = template_of(metadata, spec, interner)
    found = conditions(status, interner)
    states = {text(state, "name"): state for state in mappings(status, "initContainerStatuses")}
    states |= {text(state, "name"): state for state in mappings(status, "containerStatuses")}
    return Pod(
        namespace=share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        created=moment(metadata, "creationTimestamp") or 0.0,
        phase=share(text(status, "phase")),
        status=share(printed.status),
        # An ended pod serves nothing, although an old condition may remain (evicted, rejected).
        ready=text(status, "phase") not in _ENDED
        and any(condition.type == "Ready" and condition.status == "True" for condition in found),
        restarts=printed.restarts,
        node=share(text(spec, "nodeName")),
        ip=text(status, "podIP"),
        deleted=moment(metadata, "deletionTimestamp"),
        grace=float(integer(metadata, "deletionGracePeriodSeconds") or 0),
        owner=share(owner(metadata)),
        labels=interner.strings(metadata.get("labels")),
        annotations=interner.strings(metadata.get("annotations"), is_note),
        containers=tuple(_container(made, states.get(made.name, {}), interner) for made in template.containers),
        conditions=found,
        gpus=template.gpus,
        gpu_resource=template.gpu_resource,
        devices=template.devices,
        claims=template.claims,
        version=_version(template, states, interner),
        serving=template.serving,
        message=text(status, "message")[:_MESSAGE],
        volume_claims=interner.share(tuple(_claims(text(metadata, "name"), spec))),
        finalizers=share(tuple(texts(metadata, "finalizers"))),
    )


def _claims(pod: str, spec: Raw) -> Iterator[str]:
    """Yield the names of the claims that a pod mounts; that of an ephemeral volume is made from the pod's."""
    for volume in mappings(spec, "volumes"):
        if "persistentVolumeClaim" in volume:
            yield text(mapping(volume, "persistentVolumeClaim"), "claimName")
        elif "ephemeral" in volume:
            yield f"{pod}-{text(volume, 'name')}"


def _version(template: Template, states: Mapping[str, Raw], interner: Interner) -> ModelVersion:
    """Return the version of the template, with the digest of the started image."""
    digest = digest_of(text(states.get(template.engine, {}), "imageID"))
    if not digest:
        return template.version
    return interner.remember((template.version, digest), lambda: replace(template.version, digest=digest))


def _container(made: ContainerTemplate, status: Raw, interner: Interner) -> Container:
    share = interner.share
    state = mapping(status, "state")
    name = next((kind for kind in ("running", "waiting", "terminated") if isinstance(state.get(kind), dict)), "")
    now = mapping(state, name)
    last = mapping(mapping(status, "lastState"), "terminated")
    return Container(
        name=made.name,
        image=made.image,
        ready=status.get("ready") is True,
        started=status.get("started") is True,
        restarts=integer(status, "restartCount"),
        state=name,
        reason=share(text(now, "reason")),
        message=share(text(now, "message")),
        exit_code=integer(now, "exitCode") if name == "terminated" else None,
        since=moment(now, "finishedAt") if name == "terminated" else moment(now, "startedAt"),
        last_reason=share(text(last, "reason")),
        last_exit_code=integer(last, "exitCode") if last else None,
        last_finished=moment(last, "finishedAt"),
        last_message=share(text(last, "message")[-_MESSAGE:]),
        gpus=made.gpus,
        init=made.init,
        ports=made.ports,
        command=made.command,
    )
