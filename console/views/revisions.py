"""The revisions of a workload as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from actions.revisions import UNKNOWN, Revision
from console.views.filter import Filter
from fleet.dataclass import dataclass
from fleet.model.objects import ModelVersion
from themes.palette import Role
from widgets.cells import Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Line, Span
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

_COLUMNS = (
    GridColumn("number", "REV", 12, align="left", priority=0),
    GridColumn("pods", "PODS", 5, priority=2),
    GridColumn("age", "AGE", 6, priority=2),
    GridColumn(
        "unlike", "DIFFERS FROM CURRENT", 20, align="left", grow=6, widest=100, priority=1, share=1.0, explains=True
    ),
    GridColumn("version", "IMAGE, MODEL", 24, align="left", grow=3, widest=100, priority=4),
    GridColumn("cause", "WHY", 14, align="left", grow=2, widest=60, priority=3, share=0.3),
    GridColumn("who", "BY", 10, align="left", priority=5),
    GridColumn("name", "NAME", 20, align="left", priority=6),
)


def revisions_title(kind: str, namespace: str, name: str) -> Line:
    """``revisions of chat-70b``, and which object that is."""
    words = f"{kind} in {untrusted_name(namespace)}, the newest first"
    return Line((Span(f" revisions of {untrusted_name(name)}", Role.STRONG), Span(f"   {words}", Role.DIM)))


def version_text(version: ModelVersion) -> str:
    """Return image and model, each with its digest or revision, in the fewest words that distinguish revisions."""
    image = version.image.rpartition("/")[2]
    digest = version.digest.removeprefix("sha256:")[:8]
    model = version.model + (f"@{version.revision[:8]}" if version.revision else "")
    return untrusted(" ".join(part for part in (image, digest and f"({digest})", model) if part))


def difference_text(revision: Revision, current: Revision | None) -> str:
    """Return the differences of a revision from the current one, before → there; empty for the current one itself."""
    if current is None or revision.current:
        return ""
    now, then = current.version, revision.version
    parts = []
    if then.image != now.image:
        a, b = _unlike(now.image.rpartition("/")[2], then.image.rpartition("/")[2])
        parts.append(f"image {a} → {b}")
    elif then.digest and now.digest and then.digest != now.digest:
        parts.append(f"digest {_short(now.digest)} → {_short(then.digest)}")
    if then.model != now.model:
        parts.append(f"model {now.model or 'none'} → {then.model or 'none'}")
    if then.revision != now.revision:
        parts.append(f"weights {now.revision[:8] or 'unpinned'} → {then.revision[:8] or 'unpinned'}")
    if then.served_name != now.served_name and then.model == now.model:
        parts.append(f"served as {now.served_name} → {then.served_name}")
    return untrusted(", ".join(parts) or "not in image or model: its plan (enter) shows the difference")


def _unlike(one: str, other: str) -> tuple[str, str]:
    """The tags alone where only these differ."""
    (name, _, tag), (also, _, another) = one.partition(":"), other.partition(":")
    return (tag, another) if name == also and tag and another else (one, other)


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]


@dataclass(frozen=True, slots=True, eq=False)
class RevisionsModel:
    """A GridModel; keys are the names of the ReplicaSets or ControllerRevisions."""

    revisions: Sequence[Revision]
    filter: Filter
    now: float
    waiting: str = "it keeps no revisions\nits revisionHistoryLimit says how many are kept; d shows it"
    sort: Sort | None = None

    @property
    def columns(self) -> tuple[GridColumn, ...]:
        """The columns, each with as much room as its longest text needs; none for authors where no one is known."""
        longest = {
            "unlike": max((len(difference_text(one, self._current)) for one in self.revisions), default=0),
            "version": max((len(version_text(one.version)) for one in self.revisions), default=0),
            "cause": max((len(one.cause) for one in self.revisions), default=0),
        }
        return tuple(
            replace(column, widest=max(column.width, longest[column.id])) if column.id in longest else column
            for column in _COLUMNS
            if self._has_authors or column.id != "who"
        )

    @property
    def _has_authors(self) -> bool:
        return any(one.who not in ("", UNKNOWN) for one in self.revisions)

    @property
    def _current(self) -> Revision | None:
        return next((r for r in self.revisions if r.current), None)

    @property
    def groups(self) -> Sequence[RowGroup]:
        return [RowGroup(r.name) for r in self.revisions if not self.filter or self.filter.matches(_words(r), {})]

    def row(self, key: str) -> GridRow:
        revision = next(r for r in self.revisions if r.name == key)
        role = Role.STRONG if revision.current else Role.TEXT
        return GridRow(
            key,
            (
                Text(f"{revision.number}{' current' if revision.current else ''}", role),
                Text(str(revision.pods)),
                Text(age_text(max(0.0, self.now - revision.created)), Role.DIM),
                Text(difference_text(revision, self._current), role),
                Text(version_text(revision.version), Role.STRONG if revision.current else Role.DIM),
                Text(untrusted(revision.cause)),
                *((Text(untrusted(revision.who), Role.DIM),) if self._has_authors else ()),
                Name(untrusted_name(revision.name), Role.DIM),
            ),
        )


def _words(revision: Revision) -> str:
    return f"{revision.number} {revision.name} {version_text(revision.version)} {revision.cause}"
