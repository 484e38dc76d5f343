"""Raw event (v1) → :class:`~fleet.model.objects.Event`."""

from __future__ import annotations

from typing import Final

from fleet.json_fields import Raw, integer, mapping, moment, text
from fleet.model.objects import Event, ObjectRef
from fleet.sources.kube.interner import Interner

LONGEST: Final = 4096
"""Characters of a message that are kept. Kubernetes' own clients write 1,024 at most; patterns are looked for in it."""


def project_event(raw: Raw, interner: Interner) -> Event:
    """Return the row of an event. Old and new reporters fill different fields: the latest available time is used."""
    metadata = mapping(raw, "metadata")
    involved, series = mapping(raw, "involvedObject"), mapping(raw, "series")
    share = interner.share
    last = (
        moment(series, "lastObservedTime")
        or moment(raw, "lastTimestamp")
        or moment(raw, "eventTime")
        or moment(metadata, "creationTimestamp")
    )
    return Event(
        namespace=share(text(metadata, "namespace")),
        name=text(metadata, "name"),
        uid=text(metadata, "uid"),
        resource_version=text(metadata, "resourceVersion"),
        involved=ObjectRef(
            share(text(involved, "kind")), share(text(involved, "namespace")), share(text(involved, "name"))
        ),
        involved_uid=share(text(involved, "uid")),
        type=share(text(raw, "type")),
        reason=share(text(raw, "reason")),
        message=share(text(raw, "message")[:LONGEST]),
        count=max(integer(series, "count"), integer(raw, "count"), 1),
        last=last or 0.0,
        first=moment(raw, "firstTimestamp") or moment(raw, "eventTime") or moment(metadata, "creationTimestamp") or 0.0,
        source=share(text(mapping(raw, "source"), "component") or text(raw, "reportingComponent")),
    )
