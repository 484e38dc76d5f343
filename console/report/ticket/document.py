"""The document that ``quarterdeck ticket -o json`` prints: quarterdeck/ticket/v1. Its Markdown is made from it.

A field without a value is absent. Within v1 fields may be added; none is removed and none changes its meaning.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from console.report.check import IncidentPart, ToldPart
from console.report.document import ClusterPart, SourcePart, VersionPart
from console.report.document_part import DocumentPart, Judgement, ReadingPart, Reason
from console.report.timeline import EntryPart

SCHEMA: Literal["quarterdeck/ticket/v1"] = "quarterdeck/ticket/v1"


class NumberPart(DocumentPart):
    """One number of an object, and the query that gives the same."""

    name: str
    """Name that ``:plot`` takes."""
    title: str
    reading: ReadingPart
    shown: str
    """The value with its unit, as the console shows it."""
    source: str | None = None
    """Name of the source of it."""
    query: str | None = None
    """PromQL that gives it."""
    read: str | None = None
    """Command that reads the metrics behind it, where no metrics store has them."""


class SubjectPart(DocumentPart):
    """One object concerned."""

    key: str
    """Key in quarterdeck/snapshot/v1."""
    name: str
    """The object as a person calls it."""
    kind: str
    """Deployment, Pod, Node … or GPU."""
    severity: Judgement = None
    reason: Reason = None
    ready: int | None = None
    """Ready replicas; of workloads only."""
    desired: int | None = None
    status: str | None = None
    """Status that kubectl prints; of pods only."""
    node: str | None = None
    version: VersionPart | None = None
    numbers: tuple[NumberPart, ...] = ()
    commands: tuple[str, ...] = ()
    """Commands of kubectl that show it."""


class LogPart(DocumentPart):
    """The lines of a log that report an error, the last ones."""

    pod: str
    container: str
    read_from: str
    """Origin: the end of its log, the termination message, or the log that was open."""
    lines: tuple[str, ...]


class TicketDocument(DocumentPart):
    """Incidents with everything that a reader elsewhere needs. Secrets are masked in every text."""

    schema_: Literal["quarterdeck/ticket/v1"] = Field(default=SCHEMA, alias="schema")
    title: str
    at: float
    """Unix time of the numbers."""
    console: str
    """Version of this program."""
    cluster: ClusterPart
    window: float
    """Seconds that rates and percentiles cover."""
    incidents: tuple[IncidentPart, ...]
    alerts: tuple[ToldPart, ...] = ()
    """Firing alerts that no incident explains; in a ticket about everything only."""
    objects: tuple[SubjectPart, ...]
    since: float | None = None
    """Unix time from which on changes are reported; absent where the past was not read."""
    changes: tuple[EntryPart, ...] = ()
    """Changes, and bad ends: the latest, in their order."""
    acted: tuple[EntryPart, ...] = ()
    """Actions of the audit log: by whom, and their outcome."""
    logs: tuple[LogPart, ...] = ()
    sources: tuple[SourcePart, ...]
    lacks: tuple[str, ...] = ()
    """Parts that could not be read, or had no room."""
