"""The template of a pod, read once for all the pods that are made from it. Pure.

The pods of a workload differ in their status and hardly in their template, and parsing a command line takes longer than
the rest of a row. Only the fields named here are passed to the template's readers: so two pods that are equal in these
get the same result, whatever else differs (a token's volume has another name in each).
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import orjson

from fleet.json_fields import Raw, integer, mapping, mappings, text, texts
from fleet.kinds.registry import group_labels
from fleet.metrics.registry import ENGINES, GATEWAYS
from fleet.model.objects import ModelVersion, Serving
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.gpu import claims_devices, container_gpus, pod_devices, pod_gpus
from fleet.sources.kube.project.model_version import model_version
from fleet.sources.kube.project.serving import RAY_NODE, engine_container, serving

_OF_CONTAINERS = (
    "name",
    "image",
    "command",
    "args",
    "env",
    "ports",
    "resources",
    "restartPolicy",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
)
_DIGEST = 16
"""Bytes of the digest that identifies a template; its text, written by the pod's owner, may have a megabyte."""


class ContainerTemplate(NamedTuple):
    """A container as far as every pod of a template has the same."""

    name: str
    image: str
    gpus: int
    init: bool
    ports: tuple[tuple[str, int], ...]
    """(name, containerPort)."""
    command: tuple[str, ...]
    """command + args."""


class Template(NamedTuple):
    """The common part of all pods of a template."""

    containers: tuple[ContainerTemplate, ...]
    """Init containers first."""
    gpus: int
    gpu_resource: str
    """Resource of most of the GPUs; empty for none."""
    devices: tuple[tuple[str, int], ...]
    claims: bool
    engine: str
    """The name of the container that runs the model; empty for a pod of none."""
    version: ModelVersion
    """Version without a digest: only a container that has started proves one."""
    serving: Serving


def template_of(metadata: Raw, spec: Raw, interner: Interner) -> Template:
    """Return the template of a pod, the same object for all pods that are equal in the fields read."""
    read = {
        "initContainers": _fields(mappings(spec, "initContainers")),
        "containers": _fields(mappings(spec, "containers")),
    }
    if claims_devices(spec):
        read["resourceClaims"] = mappings(spec, "resourceClaims")
    labels = mapping(metadata, "labels")
    deciding = {label: labels[label] for label in (*group_labels(), RAY_NODE) if label in labels}
    try:
        content = orjson.dumps((read, deciding))
    except TypeError:
        # Too deep to serialise, or a number of more than 64 bits: invalid, so parsed each time.
        return _read(read, deciding, interner)
    # The known products are part of the key.
    key = (ENGINES.version, GATEWAYS.version, blake2b(content, digest_size=_DIGEST).digest())
    return interner.remember((Template, key), lambda: _read(read, deciding, interner))


def _fields(containers: Iterable[Raw]) -> list[Raw]:
    return [{name: container[name] for name in _OF_CONTAINERS if name in container} for container in containers]


def _read(spec: Raw, labels: Raw, interner: Interner) -> Template:
    share = interner.share
    gpus, resource = pod_gpus(spec)
    return Template(
        containers=(
            *(_container(raw, interner, init=True) for raw in mappings(spec, "initContainers")),
            *(_container(raw, interner, init=False) for raw in mappings(spec, "containers")),
        ),
        gpus=gpus,
        gpu_resource=share(resource),
        devices=share(tuple(pod_devices(spec).items())),
        claims=claims_devices(spec),
        engine=share(text(engine_container(spec) or {}, "name")),
        version=model_version(spec, {}, interner),
        serving=share(serving({"labels": labels}, spec)),
    )


def _container(raw: Raw, interner: Interner, *, init: bool) -> ContainerTemplate:
    share = interner.share
    return ContainerTemplate(
        name=share(text(raw, "name")),
        image=share(text(raw, "image")),
        gpus=sum(container_gpus(raw).values()),
        init=init,
        ports=share(tuple((share(text(p, "name")), integer(p, "containerPort")) for p in mappings(raw, "ports"))),
        command=share(tuple(share(word) for word in (*texts(raw, "command"), *texts(raw, "args")))),
    )
