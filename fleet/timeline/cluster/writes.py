"""Writers of an object, and when: the server keeps the last change of each tool in ``metadata.managedFields``.

Its time is that of the last change to any field of the tool's (Kubernetes' documentation of server-side apply), so the
time is only exact for a tool with one field; with several, it belongs to one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.attribution import Write, began
from fleet.timeline.cluster.witness import SharedFacts
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence
from fleet.timeline.field_managers import OWN_HANDS, tool
from fleet.timeline.kinship import Kinship

_NAMED = 4
"""Fields that are named of one write."""
CHART = "helm.sh/chart"
"""Label with the name and version of a Helm chart (Helm's documentation, labels and annotations)."""
RELEASE = "meta.helm.sh/release-name"
"""The annotation that Helm writes to all that it installs."""
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
"""Annotation with the release's namespace: a release may install into others than its own."""
HELM_KIND = "Release"
"""Word used as the kind of a Helm release: Kubernetes has none."""
FLUX_DOMAINS = (("HelmRelease", "helm.toolkit.fluxcd.io"), ("Kustomization", "kustomize.toolkit.fluxcd.io"))
"""Kinds of Flux, and the domain of the labels that each writes to all that it applies (Flux' documentation)."""
_PAUSED = "paused"
"""The field that is taken away where it is no longer true."""
_RELEASERS = frozenset({"Helm", "Flux (Helm)"})


def note_writes(raw: Raw, ref: ObjectRef, asked: SharedFacts) -> None:
    """Record the writers of an object's spec. A controller's write to a status is not a change."""
    for entry in mappings(mapping(raw, "metadata"), "managedFields"):
        at = moment(entry, "time")
        fields = _fields(mapping(mapping(entry, "fieldsV1"), "f:spec"))
        if at is None or not fields or text(entry, "subresource") == "status":
            continue
        manager, subresource = text(entry, "manager"), text(entry, "subresource")
        stamp = " ".join(filter(None, [manager, text(entry, "operation"), subresource, text(entry, "time")]))
        asked.writes[ref].append(Write(at, tool(manager, subresource), fields, stamp))


def note_release(raw: Raw, ref: ObjectRef, kin: Kinship) -> None:
    """Note the release of Helm, and the objects of Flux, that an object belongs to."""
    notes = mapping(mapping(raw, "metadata"), "annotations")
    if name := text(notes, RELEASE):
        kin.note(ref, ObjectRef(HELM_KIND, text(notes, RELEASE_NAMESPACE) or ref.namespace, name))
    labels = mapping(mapping(raw, "metadata"), "labels")
    for kind, domain in FLUX_DOMAINS:
        if name := text(labels, f"{domain}/name"):
            kin.note(ref, ObjectRef(kind, text(labels, f"{domain}/namespace") or ref.namespace, name))


def _fields(spec: Raw) -> tuple[str, ...]:
    return tuple(sorted(key.removeprefix("f:") for key in spec if key.startswith("f:")))


def written(raw: Raw, ref: ObjectRef, asked: SharedFacts) -> Iterator[Entry]:
    """Yield the creation of an object, and each write that nothing else reports."""
    metadata = mapping(raw, "metadata")
    created = moment(metadata, "creationTimestamp")
    writes = asked.writes.get(ref, ())
    if created is not None:
        first = next((w for w in writes if w.at - created <= WHOLE_SECONDS), None)
        yield Entry(
            created,
            WHOLE_SECONDS,
            EntryKind.CHANGE,
            f"{ref.kind} created",
            ref,
            (Evidence(f"{ref} metadata.creationTimestamp", text(metadata, "creationTimestamp")),),
            who=first.tool if first is not None else "",
        )
    for write in writes:
        if created is not None and write.at - created <= WHOLE_SECONDS:
            continue
        rolled = "template" in write.fields and (
            (write.fields == ("template",) and (ref, write.at) in asked.rollbacks)
            or any(began(write.at, at) for at in asked.rollouts.get(ref, ()))
        )
        release = _release(metadata, ref) if write.tool in _RELEASERS else None
        if write.tool in OWN_HANDS or (rolled and release is None):
            continue
        wrote = Evidence(f"{ref} metadata.managedFields", write.stamp)
        # It also owns labels: its change may not have been in the spec.
        what = release.what if release is not None else _change_text(write, mapping(raw, "spec"))
        yield Entry(
            write.at,
            WHOLE_SECONDS,
            EntryKind.CHANGE,
            what,
            ref,
            (wrote,) if release is None else (wrote, release.evidence),
            who=write.tool,
            topic="" if release is not None else _topic(write, mapping(raw, "spec")),
        )


class _Release(NamedTuple):
    """The release that last wrote to an object, according to the object."""

    what: str
    evidence: Evidence


def _release(metadata: Raw, ref: ObjectRef) -> _Release | None:
    """Return the release of an object; None if it names none.

    Helm's own records are Secrets, whose names few users may see: helm.py reads those.
    """
    chart, name = text(mapping(metadata, "labels"), CHART), text(mapping(metadata, "annotations"), RELEASE)
    if not name:
        return None
    what = f"Helm release {name} applied" + (f", chart {chart}" if chart else "")
    return _Release(what, Evidence(f"{ref} metadata {RELEASE}, {CHART}", f"{name}, {chart or 'no chart'}"))


def _topic(write: Write, spec: Raw) -> str:
    field = write.fields[0]
    if len(write.fields) > 1:
        return ""
    if field == _PAUSED:
        return f"{field}={spec.get(field) is True}"
    return f"{field}={spec[field]}" if isinstance(spec.get(field), int) else ""


def _change_text(write: Write, spec: Raw) -> str:
    if len(write.fields) == 1:
        field = write.fields[0]
        value = spec.get(field, False if field == _PAUSED else None)
        is_scalar = isinstance(value, str | int | float)
        return (
            f"spec.{field} set to {str(value).lower() if isinstance(value, bool) else value}"
            if is_scalar
            else f"spec.{field} changed"
        )
    named = ", ".join(write.fields[:_NAMED])
    more = f" and {len(write.fields) - _NAMED} more" if len(write.fields) > _NAMED else ""
    return f"spec changed, at least one of {named}{more}"
