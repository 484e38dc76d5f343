"""Earlier versions of a workload: its revisions, with the model version of each.

A Deployment keeps a ReplicaSet per revision, a StatefulSet a ControllerRevision. Both are numbered, and a rollback
gives the old one a new number: the permanent name of a revision is its object's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from actions.kubeobj import kind_in, written
from actions.planning.plan_context import Reads
from actions.request import Target
from fleet.dataclass import dataclass
from fleet.json_fields import mapping, mappings, moment, text, texts
from fleet.kinds.deployment import REVISION
from fleet.kinds.kind import Revisions, value_at
from fleet.kinds.registry import kind_of, kinds_that
from fleet.model.objects import REVISION_HASH, TEMPLATE_HASH, ModelVersion, Pod
from fleet.sources.kube.errors import KubeError, NotFoundError
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.model_version import command_words, model_version
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.project.serving import engine_container
from fleet.timeline.attribution import began

CAUSE = "kubernetes.io/change-cause"
HASH = TEMPLATE_HASH
UNKNOWN = "unknown"

_HISTORY = "deployment.kubernetes.io/revision-history"
_CONTROLLER_HASH = "controller.kubernetes.io/hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One template that a workload has or had."""

    name: str
    """Name of its ReplicaSet or ControllerRevision."""
    number: int
    hash: str
    """``pod-template-hash`` of a ReplicaSet, ``controller.kubernetes.io/hash`` of a ControllerRevision."""
    created: float
    """Unix time."""
    cause: str
    """The annotation ``kubernetes.io/change-cause``; a ControllerRevision has none."""
    who: str
    """The field manager that wrote the template (kubectl-edit, helm …), if the workload still has it: the server keeps
    tools, not people. ``unknown`` otherwise.
    """
    current: bool
    """True if it is the workload's current template."""
    pods: int
    """Pods that run it now, including those being deleted."""
    version: ModelVersion
    """The digest is that of a pod that runs it, empty where none does."""
    arguments: tuple[str, ...]
    """The command line of the container that runs the model."""
    earlier: tuple[int, ...] = ()
    """Numbers that it had before it was rolled back to."""
    template: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The pod template as the workload had it."""

    @property
    def pinned(self) -> bool:
        """True if the template fixes the weights: by the model's revision, or by an image's digest."""
        return bool(self.version.revision) or "@sha256:" in self.version.image


async def revisions(target: Target, reads: Reads) -> tuple[Revision, ...]:
    """All that the cluster keeps of a workload, newest first.

    Raises KubeError where they cannot be read, and for kinds that keep none.
    """
    _kept_in(target.kind)
    obj = await reads.get_raw(target.kind, target.namespace, target.name)
    return await revisions_of(obj, reads)


async def revisions_of(obj: Mapping[str, Any], reads: Reads) -> tuple[Revision, ...]:
    """The same of a workload that was read already. Raises KubeError."""
    kind, kept_in = kind_in(obj), _kept_in(obj["kind"])
    namespace, selector = obj["metadata"].get("namespace", ""), written(kind.selector(obj))
    kept = await reads.list_raw(kept_in, namespace, selector)
    uid = obj["metadata"].get("uid", "")
    kept = [raw for raw in kept if uid in _owners(raw)]
    pods = _by_revision(await reads.list_raw("Pod", namespace, selector), kept_in)
    made = [_READ[kept_in](raw, obj, pods) for raw in kept]
    return tuple(sorted(made, key=lambda revision: revision.number, reverse=True))


def _kept_in(kind: str) -> Revisions:
    """Return where a kind keeps its revisions. Raises KubeError for one that keeps none."""
    found = kind_of(kind).revisions
    if found is None:
        others = " or a ".join(other.kind for other in kinds_that(lambda other: other.revisions))
        raise KubeError(f"a {kind} keeps no revisions", remedy=f"Roll back a {others}.")
    return found


def current_of(found: Iterable[Revision]) -> Revision | None:
    """Return the workload's current revision; None if its controller has not created it yet."""
    return next((revision for revision in found if revision.current), None)


def find_revision(found: Sequence[Revision], wanted: str) -> Revision:
    """The revision of a name, a hash or a number; for an empty one, the revision before the current one.

    Raises NotFoundError.
    """
    current = current_of(found)
    if not wanted:
        older = [r for r in found if not r.current and (current is None or r.number < current.number)]
        if older:
            return older[0]
        raise NotFoundError("there is no revision before this one", remedy="Only the latest ones are kept.")
    for revision in found:
        if wanted in (revision.name, revision.hash, str(revision.number)):
            return revision
    before = next((r for r in found if wanted.isdigit() and int(wanted) in r.earlier), None)
    if before is not None:
        text = f"revision {wanted} has been number {before.number} since a rollback"
        raise NotFoundError(text, remedy=f"Name it {before.name}.")
    known = ", ".join(f"{r.number} ({r.name})" for r in found) or "none"
    raise NotFoundError(f"there is no revision {wanted}", remedy=f"Revisions: {known}.")


def bare(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod template without its controller's additions."""
    clean = {key: value for key, value in template.items() if key != "$patch"}
    metadata = dict(clean.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return clean | {"metadata": {**metadata, "labels": labels}}


def same_template(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """True if two templates are equal, as the Deployment controller compares them."""
    return _comparable(one) == _comparable(other)


def _comparable(template: Mapping[str, Any]) -> dict[str, Any]:
    # Some versions store null as creationTimestamp of a template written without it.
    clean = bare(template)
    return clean | {"metadata": {key: value for key, value in clean["metadata"].items() if value}}


def _of_replica_set(
    raw: Mapping[str, Any], deployment: Mapping[str, Any], pods: Mapping[str, Sequence[Pod]]
) -> Revision:
    metadata = raw["metadata"]
    annotations = mapping(metadata, "annotations")
    template = bare(raw["spec"]["template"])
    return _revision(
        raw,
        deployment,
        pods.get(metadata["name"], ()),
        number=_number(str(value_at(raw, REVISION) or "")),
        hash_=text(mapping(metadata, "labels"), HASH),
        cause=text(annotations, CAUSE),
        current=same_template(template, deployment["spec"]["template"]),
        earlier=tuple(_number(part) for part in text(annotations, _HISTORY).split(",") if part),
        template=template,
    )


def _of_revision(raw: Mapping[str, Any], owner: Mapping[str, Any], pods: Mapping[str, Sequence[Pod]]) -> Revision:
    name = raw["metadata"]["name"]
    return _revision(
        raw,
        owner,
        pods.get(name, ()),
        number=int(raw.get("revision", 0)),
        hash_=text(mapping(raw["metadata"], "labels"), _CONTROLLER_HASH),
        cause=text(mapping(raw["metadata"], "annotations"), CAUSE),
        current=name == mapping(owner, "status").get("updateRevision"),
        earlier=(),
        template=bare(raw["data"]["spec"]["template"]),
    )


_READ = {Revisions.REPLICA_SETS: _of_replica_set, Revisions.CONTROLLER_REVISIONS: _of_revision}


def _revision(
    raw: Mapping[str, Any],
    workload: Mapping[str, Any],
    pods: Sequence[Pod],
    *,
    number: int,
    hash_: str,
    cause: str,
    current: bool,
    earlier: tuple[int, ...],
    template: dict[str, Any],
) -> Revision:
    spec = mapping(template, "spec")
    container = engine_container(spec) or {}
    version = model_version(spec, {}, Interner())
    digest = next((pod.version.digest for pod in pods if pod.version.digest), "")
    created = moment(raw["metadata"], "creationTimestamp") or 0.0
    return Revision(
        name=raw["metadata"]["name"],
        number=number,
        hash=hash_,
        created=created,
        cause=cause,
        who=_author(workload, created),
        current=current,
        pods=len(pods),
        version=ModelVersion(version.image, digest, version.model, version.served_name, version.revision),
        arguments=tuple(command_words(texts(container, "command"), texts(container, "args"))),
        earlier=earlier,
        template=template,
    )


def _author(workload: Mapping[str, Any], created: float) -> str:
    """Return the manager whose last write of the template came just before the revision was created."""
    found = []
    for entry in mappings(mapping(workload, "metadata"), "managedFields"):
        at = moment(entry, "time")
        wrote = "f:template" in mapping(mapping(entry, "fieldsV1"), "f:spec")
        if wrote and at is not None and began(at, created):
            found.append((at, text(entry, "manager")))
    return max(found)[1] if found else UNKNOWN


def _by_revision(pods: Iterable[Mapping[str, Any]], kept: Revisions) -> Mapping[str, list[Pod]]:
    found: dict[str, list[Pod]] = defaultdict(list)
    for raw in pods:
        pod = project_pod(dict(raw), Interner())
        if pod.owner is None:
            continue
        labels = mapping(raw["metadata"], "labels")
        found[pod.owner.name if kept is Revisions.REPLICA_SETS else text(labels, REVISION_HASH)].append(pod)
    return found


def _owners(raw: Mapping[str, Any]) -> set[str]:
    return {text(owner, "uid") for owner in mappings(raw["metadata"], "ownerReferences") if owner.get("controller")}


def _number(written: str) -> int:
    return int(written) if written.isdigit() else 0
