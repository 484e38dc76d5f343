"""Raw pod → :class:`~fleet.model.objects.Pod`."""

from __future__ import annotations

from fleet.model.objects import Container, Pod
from fleet.sources.kube.project.fields import (
    Interner,
    Raw,
    conditions,
    integer,
    mapping,
    mappings,
    moment,
    owner,
    text,
    texts,
)
from fleet.sources.kube.project.gpu import claims_devices, container_gpus, pod_devices, pod_gpus
from fleet.sources.kube.project.model_version import model_version
from fleet.sources.kube.project.notes import is_note
from fleet.sources.kube.project.pod_status import pod_status
from fleet.sources.kube.project.serving import serving

_ENDED = ("Succeeded", "Failed")


def project_pod(raw: Raw, interner: Interner) -> Pod:
    """The row of a pod."""
    metadata, spec, status = mapping(raw, "metadata"), mapping(raw, "spec"), mapping(raw, "status")
    share = interner.share
    printed = pod_status(raw)
    gpus, resource = pod_gpus(spec)
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
        # One that has ended serves nobody, although the condition of before may still stand there (evicted, rejected).
        ready=text(status, "phase") not in _ENDED
        and any(condition.type == "Ready" and condition.status == "True" for condition in found),
        restarts=printed.restarts,
        node=share(text(spec, "nodeName")),
        ip=text(status, "podIP"),
        deleted=moment(metadata, "deletionTimestamp"),
        owner=share(owner(metadata)),
        labels=interner.strings(metadata.get("labels")),
        annotations=interner.strings(metadata.get("annotations"), is_note),
        containers=(
            *(
                _container(c, states.get(text(c, "name"), {}), interner, init=True)
                for c in mappings(spec, "initContainers")
            ),
            *(
                _container(c, states.get(text(c, "name"), {}), interner, init=False)
                for c in mappings(spec, "containers")
            ),
        ),
        conditions=found,
        gpus=gpus,
        gpu_resource=share(resource),
        devices=share(tuple(pod_devices(spec).items())),
        claims=claims_devices(spec),
        version=model_version(spec, {name: text(state, "imageID") for name, state in states.items()}, interner),
        serving=share(serving(metadata, spec)),
    )


def _container(raw: Raw, status: Raw, interner: Interner, *, init: bool) -> Container:
    share = interner.share
    state = mapping(status, "state")
    name = next((kind for kind in ("running", "waiting", "terminated") if isinstance(state.get(kind), dict)), "")
    now = mapping(state, name)
    last = mapping(mapping(status, "lastState"), "terminated")
    return Container(
        name=share(text(raw, "name")),
        image=share(text(raw, "image")),
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
        gpus=sum(container_gpus(raw).values()),
        init=init,
        ports=share(tuple((share(text(p, "name")), integer(p, "containerPort")) for p in mappings(raw, "ports"))),
        command=share(tuple(share(word) for word in (*texts(raw, "command"), *texts(raw, "args")))),
    )
