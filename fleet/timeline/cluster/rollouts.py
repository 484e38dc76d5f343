"""Rollouts: each template of a workload is a separate object, with its time and its differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from fleet.dataclass import dataclass
from fleet.json_fields import Raw, mapping, moment, text
from fleet.kinds.deployment import REVISION
from fleet.kinds.kind import Revisions, value_at
from fleet.kinds.replicaset import REPLICA_SET
from fleet.model.objects import ObjectRef
from fleet.sources.kube.project.common_fields import owner
from fleet.timeline.attribution import Write, applied_then, began
from fleet.timeline.cluster.witness import SharedFacts, Witness, note_owner, ref_of, stamped
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, rollout_topic
from fleet.timeline.template import template_changes

_HISTORY = "deployment.kubernetes.io/revision-history"
"""The numbers that a ReplicaSet had before it was rolled back to."""
_CAUSE = "kubernetes.io/change-cause"
_KUBECTL = "kubectl"


@dataclass(frozen=True, slots=True)
class RevisionTemplate:
    """One template that a workload had."""

    ref: ObjectRef
    of: ObjectRef
    """The workload."""
    created: float
    first: int
    """The number that it had when it was made: a rollback gives it a new one."""
    number: int
    """The number that it has: that of the template that is wanted is the highest."""
    cause: str
    template: Raw
    stamp: Evidence


def _replica_set(raw: Raw, asked: SharedFacts) -> RevisionTemplate | None:
    number = str(value_at(raw, REVISION) or "")
    earlier = text(mapping(mapping(raw, "metadata"), "annotations"), _HISTORY).split(",")
    numbers = [int(part) for part in (*earlier, number) if part.isdigit()]
    template = mapping(mapping(raw, "spec"), "template")
    present = int(number) if number.isdigit() else 0
    return _template(raw, REPLICA_SET.kind, (min(numbers, default=0), present), template, asked)


def _controller_revision(raw: Raw, asked: SharedFacts) -> RevisionTemplate | None:
    number = raw.get("revision")
    # A rollback renumbers the revision without keeping the old number: only its time shows that it came first.
    template = mapping(mapping(mapping(raw, "data"), "spec"), "template")
    present = number if isinstance(number, int) else 0
    return _template(raw, Revisions.CONTROLLER_REVISIONS, (present, present), template, asked)


def _template(
    raw: Raw, kind: str, numbers: tuple[int, int], template: Raw, asked: SharedFacts
) -> RevisionTemplate | None:
    metadata = mapping(raw, "metadata")
    ref, above, created = ref_of(raw, kind), owner(metadata), moment(metadata, "creationTimestamp")
    note_owner(raw, ref, asked.kin)
    if above is None or created is None:
        return None
    of = ObjectRef(above.kind, ref.namespace, above.name)
    asked.rollouts[of].append(created)
    # It is the command line of the change (`kubectl --record`): it may contain anything.
    cause = str(asked.clean(text(mapping(metadata, "annotations"), _CAUSE)))
    return RevisionTemplate(ref, of, created, *numbers, cause, template, stamped(raw, ref))


def _rollouts(taken: Sequence[RevisionTemplate | None], asked: SharedFacts) -> Iterator[Entry]:
    workloads: dict[ObjectRef, list[RevisionTemplate]] = defaultdict(list)
    for template in taken:
        if template is not None:
            workloads[template.of].append(template)
    for of, templates in workloads.items():
        templates.sort(key=lambda template: (template.created, template.first))
        for number, template in enumerate(templates):
            yield _rollout(of, template, templates[number - 1] if number else None, asked)
        yield from _rollback(of, templates, asked)


def _rollback(of: ObjectRef, templates: Sequence[RevisionTemplate], asked: SharedFacts) -> Iterator[Entry]:
    """Yield the last change if it was a rollback, which creates no template but gives the old one the highest number.

    It is dated by the write that no template follows; if no such write is left, it has no date and is not reported.
    """
    wanted = max(templates, key=lambda template: template.number)
    newest = templates[-1]
    if wanted is newest and wanted.first == wanted.number:
        return
    write = max(
        (w for w in asked.writes.get(of, ()) if "template" in w.fields and w.at > newest.created + WHOLE_SECONDS),
        key=lambda write: write.at,
        default=None,
    )
    if write is None or any(began(write.at, one.created) for one in templates):
        return
    # A tool that owns other fields may have written one of those then, and the template earlier.
    at = write.at if write.fields == ("template",) else newest.created
    asked.rollbacks.add((of, write.at))
    others = [template for template in templates if template is not wanted]
    before = max(others, key=lambda template: template.number, default=None)
    evidence = [
        Evidence(f"{of} metadata.managedFields", write.stamp),
        Evidence(f"{wanted.ref} of {wanted.stamp.value} has the highest revision", str(wanted.number)),
    ]
    changes: tuple[str, ...] = ()
    if before is not None:
        changes = template_changes(before.template, wanted.template, asked.clean)
        evidence.append(Evidence(f"compared with {before.ref} of", before.stamp.value))
    again = f"revision {wanted.first} again" if wanted.first != wanted.number else f"{wanted.ref.name} again"
    yield Entry(
        at,
        write.at - at + WHOLE_SECONDS,
        EntryKind.CHANGE,
        f"{again}, now revision {wanted.number}: {_in_a_line(changes) if before else 'the previous state is not kept'}",
        of,
        tuple(evidence),
        who=write.tool,
        changes=changes,
    )


def _rollout(of: ObjectRef, template: RevisionTemplate, before: RevisionTemplate | None, asked: SharedFacts) -> Entry:
    name = f"revision {template.first}" if template.first else template.ref.name
    evidence = [template.stamp]
    changes: tuple[str, ...] = ()
    if before is not None:
        changes = template_changes(before.template, template.template, asked.clean)
        evidence.append(Evidence(f"compared with {before.ref} of", before.stamp.value))
        what = f"{name}: {_in_a_line(changes)}"
    elif template.first > 1:
        what = f"{name}: the previous state is not kept"
    else:
        what = f"{name}: the first"
    if template.cause:
        evidence.append(Evidence(f"{template.ref} {_CAUSE}", template.cause))
    # It stays on the Deployment until overwritten: one equal to the previous may belong to that rollout.
    is_new = before is None or template.cause != before.cause
    who, unknown = _author(of, template, is_new, asked, evidence)
    return Entry(
        template.created,
        WHOLE_SECONDS,
        EntryKind.CHANGE,
        what,
        of,
        tuple(evidence),
        who=who,
        changes=changes,
        topic=rollout_topic(template.ref),
        unknown=unknown,
    )


def _author(
    of: ObjectRef, template: RevisionTemplate, is_new_cause: bool, asked: SharedFacts, evidence: list[Evidence]
) -> tuple[str, str]:
    """(author, reason for none): the write itself, else the tools that report to have applied then, else its own
    note.
    """
    write = _written(of, template.created, asked)
    if write is not None:
        evidence.append(Evidence(f"{of} metadata.managedFields", write.stamp))
        return write.tool, ""
    applied = applied_then(
        template.created, [one for above in asked.kin.of(of) for one in asked.applied.get(above, ())]
    )
    if applied is not None:
        evidence.append(applied.evidence)
        return applied.who, ""
    if is_new_cause and template.cause.split(" ")[0] == _KUBECTL:
        return _KUBECTL, ""
    later = [w for w in asked.writes.get(of, ()) if "template" in w.fields and w.at > template.created]
    if not later:
        return "", "no write of that time is left in metadata.managedFields"
    last = max(later, key=lambda write: write.at)
    return "", f"{last.tool or 'a tool'} wrote the template later, and the server keeps only the last write of each"


def _in_a_line(changes: Sequence[str]) -> str:
    if not changes:
        return "the same as before"
    return changes[0] if len(changes) == 1 else f"{changes[0]} and {len(changes) - 1} more"


def _written(of: ObjectRef, created: float, asked: SharedFacts) -> Write | None:
    """The write of the template that made the controller begin."""
    found = [w for w in asked.writes.get(of, ()) if "template" in w.fields and began(w.at, created)]
    return max(found, key=lambda write: write.at, default=None)


REPLICA_SETS = Witness(
    kind=REPLICA_SET.kind,
    group=REPLICA_SET.group,
    version=REPLICA_SET.version,
    plural=REPLICA_SET.plural,
    extract=_replica_set,
    entries=_rollouts,
    lost="rollouts of Deployments, and what each changed",
    page=100,
)
CONTROLLER_REVISIONS = Witness(
    kind=Revisions.CONTROLLER_REVISIONS.value,
    group="apps",
    plural="controllerrevisions",
    extract=_controller_revision,
    entries=_rollouts,
    lost="rollouts of StatefulSets, DaemonSets and LeaderWorkerSets, and what each changed",
    page=100,
)
