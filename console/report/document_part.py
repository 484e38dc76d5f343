"""Parts of a document: a reading, how much it can be trusted, and a judgement."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fleet.model.quantity import Quantity, Unit
from fleet.model.severity import Severity

StateName = Literal["fresh", "reset", "stale", "missing", "unknown"]


class DocumentPart(BaseModel):
    """Base of everything in the document: its docstrings are the descriptions in the schema."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, serialize_by_alias=True)


class ReadingPart(DocumentPart):
    """One value."""

    value: float
    """Value in the unit next to it. For a bounded percentile: the result of Prometheus' histogram_quantile."""
    unit: Unit
    """Canonical: s, bytes, ratio (0-1), tokens, tokens/s, /s, °C, W, MHz; empty for a count."""
    state: StateName
    """fresh, reset (a counter behind it restarted within the window) or stale (older than three scrape intervals and
    ten seconds)."""
    age: float
    """Seconds since it was scraped, at the time of the Snapshot."""
    bound: Literal["at_most", "at_least", "within"] | None = None
    """Bound of a percentile in the lowest or the highest bucket: the truth is at most, or at least, ``edge``; in a
    broad one it is within ``low`` and ``edge``."""
    edge: float | None = None
    """The edge of that bucket, in the same unit."""
    low: float | None = None
    """The lower edge of that bucket, where the truth is within it."""


Judgement = Annotated[Severity | None, Field(description="Its health.")]
Reason = Annotated[str | None, Field(description="Why, in a few words.")]
Metrics = Annotated[
    StateName,
    Field(
        description="How far its readings can be trusted. missing: the source answers but does not have them; "
        "unknown: no source answers. In both cases there are no readings, which does not mean zero."
    ),
]
Readings = Annotated[
    dict[Quantity, ReadingPart],
    Field(description="By quantity; docs/snapshot.md explains each. A quantity that is absent has no value now."),
]
# Readings come last in every part, so that a human reader sees first whose they are.
