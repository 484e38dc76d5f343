"""Rollouts: each template that a workload had is an object of its own, with its time and what it differs in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from fleet.dataclass import dataclass
from fleet.kinds.deployment import REVISION
from fleet.kinds.kind import Revisions, value_at
from fleet.kinds.replicaset import REPLICA_SET
from fleet.model.objects import ObjectRef
from fleet.sources.kube.project.fields import Raw, mapping, moment, owner, text
from fleet.timeline.cluster.witness import SharedFacts, Witness, Write, note_owner, ref_of, stamped
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, rollout_topic
from fleet.timeline.template import template_changes

_HISTORY = "deployment.kubernetes.io/revision-history"
"""The numbers that a ReplicaSet had before it was rolled back to."""
_CAUSE = "kubernetes.io/change-cause"
_WRITE_TO_TEMPLATE = 30.0
"""Seconds after a write in which its controller has made the object of the template, also where it is busy."""


@dataclass(frozen=True, slots=True)
class RevisionTemplate:
    """One template that a workload had."""

    ref: ObjectRef
    of: ObjectRef
    """The workload."""
    created: float
    first: int
    """The number that it had when it was made: a rollback gives it a new one."""
    cause: str
    template: Raw
    stamp: Evidence


def _replica_set(raw: Raw, asked: SharedFacts) -> RevisionTemplate | None:
    number = str(value_at(raw, REVISION) or "")
    earlier = text(mapping(mapping(raw, "metadata"), "annotations"), _HISTORY).split(",")
    numbers = [int(part) for part in (*earlier, number) if part.isdigit()]
    template = mapping(mapping(raw, "spec"), "template")
    return _template(raw, REPLICA_SET.kind, min(numbers, default=0), template, asked)


def _controller_revision(raw: Raw, asked: SharedFacts) -> RevisionTemplate | None:
    number = raw.get("revision")
    # A rollback gives it a new number and keeps no other: that it came first is told by its time alone.
    template = mapping(mapping(mapping(raw, "data"), "spec"), "template")
    return _template(raw, Revisions.CONTROLLER_REVISIONS, number if isinstance(number, int) else 0, template, asked)


def _template(raw: Raw, kind: str, first: int, template: Raw, asked: SharedFacts) -> RevisionTemplate | None:
    metadata = mapping(raw, "metadata")
    ref, above, created = ref_of(raw, kind), owner(metadata), moment(metadata, "creationTimestamp")
    note_owner(raw, ref, asked.kin)
    if above is None or created is None:
        return None
    of = ObjectRef(above.kind, ref.namespace, above.name)
    asked.rollouts[of].append(created)
    # It is the command line of who changed it (`kubectl --record`): anything may stand in it.
    cause = str(asked.clean(text(mapping(metadata, "annotations"), _CAUSE)))
    return RevisionTemplate(ref, of, created, first, cause, template, stamped(raw, ref))


def _rollouts(taken: Sequence[RevisionTemplate | None], asked: SharedFacts) -> Iterator[Entry]:
    workloads: dict[ObjectRef, list[RevisionTemplate]] = defaultdict(list)
    for template in taken:
        if template is not None:
            workloads[template.of].append(template)
    for of, templates in workloads.items():
        templates.sort(key=lambda template: (template.created, template.first))
        for number, template in enumerate(templates):
            yield _rollout(of, template, templates[number - 1] if number else None, asked)


def _rollout(of: ObjectRef, template: RevisionTemplate, before: RevisionTemplate | None, asked: SharedFacts) -> Entry:
    name = f"revision {template.first}" if template.first else template.ref.name
    evidence = [template.stamp]
    changes: tuple[str, ...] = ()
    if before is not None:
        changes = template_changes(before.template, template.template, asked.clean)
        evidence.append(Evidence(f"compared with {before.ref} of", before.stamp.value))
        what = f"{name}: {_in_a_line(changes)}"
    elif template.first > 1:
        what = f"{name}: what was before is not kept"
    else:
        what = f"{name}: the first"
    if template.cause:
        evidence.append(Evidence(f"{template.ref} {_CAUSE}", template.cause))
    write = _written(of, template.created, asked)
    if write is not None:
        evidence.append(Evidence(f"{of} metadata.managedFields", write.stamp))
    return Entry(
        template.created,
        WHOLE_SECONDS,
        EntryKind.CHANGE,
        what,
        of,
        tuple(evidence),
        who=write.tool if write is not None else "",
        changes=changes,
        topic=rollout_topic(template.ref),
    )


def _in_a_line(changes: Sequence[str]) -> str:
    if not changes:
        return "the same as before"
    return changes[0] if len(changes) == 1 else f"{changes[0]} and {len(changes) - 1} more"


def _written(of: ObjectRef, created: float, asked: SharedFacts) -> Write | None:
    """The write of the template that made the controller begin."""
    found = [w for w in asked.writes.get(of, ()) if "template" in w.fields and began(w.at, created)]
    return max(found, key=lambda write: write.at, default=None)


def began(written: float, created: float) -> bool:
    """Whether a template that was made at ``created`` is the one that was written at ``written``."""
    return -WHOLE_SECONDS <= created - written <= _WRITE_TO_TEMPLATE


REPLICA_SETS = Witness(
    kind=REPLICA_SET.kind,
    group=REPLICA_SET.group,
    version=REPLICA_SET.version,
    plural=REPLICA_SET.plural,
    take=_replica_set,
    tell=_rollouts,
    lost="rollouts of Deployments, and what each changed",
    page=100,
)
CONTROLLER_REVISIONS = Witness(
    kind=Revisions.CONTROLLER_REVISIONS.value,
    group="apps",
    plural="controllerrevisions",
    take=_controller_revision,
    tell=_rollouts,
    lost="rollouts of StatefulSets, DaemonSets and LeaderWorkerSets, and what each changed",
    page=100,
)
