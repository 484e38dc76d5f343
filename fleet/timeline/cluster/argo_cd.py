"""Argo CD (argoproj.io/v1alpha1 Application): every sync in its history, who began it, and the last failure."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.attribution import Applied
from fleet.timeline.cluster.witness import SharedFacts, Witness, entries_of_each, ref_of
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight

NAME = "Argo CD"
_SHORT = 10
"""Characters of a commit that identify it."""
_FAILED = frozenset({"Failed", "Error"})


def _take(raw: Raw, asked: SharedFacts) -> tuple[Entry, ...]:
    ref, status = ref_of(raw, "Application"), mapping(raw, "status")
    for resource in mappings(status, "resources"):
        namespace = text(resource, "namespace")
        asked.kin.note(ObjectRef(text(resource, "kind"), namespace, text(resource, "name")), ref)
    return (*_syncs(ref, status, asked), *_failure(ref, mapping(status, "operationState")))


def _syncs(ref: ObjectRef, status: Raw, asked: SharedFacts) -> Iterator[Entry]:
    for sync in mappings(status, "history"):
        at = moment(sync, "deployedAt")
        if at is not None:
            revision, source = text(sync, "revision"), mapping(sync, "source")
            # The URL of a repository may have a password in it.
            url = str(asked.clean(text(source, "repoURL")))
            of = " ".join(filter(None, [url, text(source, "path") or text(source, "chart")]))
            evidence = Evidence(f"{ref} status.history[{sync.get('id')}].deployedAt", text(sync, "deployedAt"))
            who = _initiator(mapping(sync, "initiatedBy"))
            begun = moment(sync, "deployStartedAt")
            asked.applied[ref].append(Applied(at if begun is None else begun, at, who, evidence))
            yield Entry(
                at,
                WHOLE_SECONDS,
                EntryKind.CHANGE,
                f"synced to {revision[:_SHORT]}" + (f" of {of}" if of else ""),
                ref,
                (evidence,),
                who=who,
            )


def _failure(ref: ObjectRef, state: Raw) -> Iterator[Entry]:
    """The last operation, where it failed: one that worked is in the history."""
    phase, at = text(state, "phase"), moment(state, "finishedAt")
    if phase in _FAILED and at is not None:
        yield Entry(
            at,
            WHOLE_SECONDS,
            EntryKind.CONDITION,
            f"sync failed: {' '.join(text(state, 'message').split())}",
            ref,
            (Evidence(f"{ref} status.operationState.finishedAt", text(state, "finishedAt")),),
            who=_initiator(mapping(mapping(state, "operation"), "initiatedBy")),
            weight=Weight.BAD,
        )


def _initiator(initiator: Raw) -> str:
    """Return the name of the user who began it; Argo CD for an automatic sync."""
    return text(initiator, "username") or NAME


APPLICATIONS = Witness(
    kind="Application",
    group="argoproj.io",
    version="v1alpha1",
    plural="applications",
    extract=_take,
    entries=entries_of_each,
    lost="syncs of Argo CD",
    custom=True,
)
