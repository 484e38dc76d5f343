"""A resource of the cluster as its server lists it, as a table."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import field
from typing import Final

from console.views.filter import Filter
from fleet.dataclass import dataclass
from fleet.model.listing import ListedObject, Listing
from themes.palette import Role
from widgets.cells import Cell, Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Align, Line, Span, width_of
from widgets.untrusted import untrusted, untrusted_name

_WIDEST = 48
"""Cells of a column at most, where there is room."""
_LEAST = 20
"""Cells of a column that it gets before others are turned to."""
_PAGE = 8
"""Cells beside the head of the first column, for the number of the page of columns."""
_OF_EVENTS = ("Last Seen", "Message", "Reason", "Object", "Type")
"""Columns of events, the most telling first."""
_OF_WHAT_HAPPENED = 0.28
"""Share of the width that an event's message gets before there are columns for wide tables."""
_BAD = frozenset({"Failed", "Error", "Lost", "Warning", "Pending", "Unknown", "NotReady", "CrashLoopBackOff", "False"})


def listing_title(listing: Listing, namespace: str, asked: str) -> Line:
    """Return ``services in serving, 12``: resource, place, and number."""
    where = f"in {namespace}" if listing.namespaced and namespace else "in all namespaces" if listing.namespaced else ""
    count = str(len(listing.objects))
    if listing.more:
        count = f"the first {count}" + (f" of {len(listing.objects) + listing.more}" if listing.more > 0 else "")
    words = ", ".join(filter(None, (untrusted(where), count)))
    return Line((Span(f" {untrusted(listing.plural or asked)}", Role.STRONG), Span(f"   {words}, read-only", Role.DIM)))


@dataclass(frozen=True, slots=True, eq=False)
class ListingModel:
    """A GridModel; keys are namespace and name."""

    listing: Listing
    namespace: str
    """The requested namespace; empty for all."""
    filter: Filter
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = ()
    _objects: dict[str, ListedObject] = field(default_factory=dict)

    @property
    def waiting(self) -> str:
        if self.filter:
            return "nothing matches\nesc shows everything again"
        return f"there are no {untrusted(self.listing.plural)} here" + (
            "\n0 or n looks elsewhere" if self.namespace else ""
        )

    @property
    def groups(self) -> Sequence[RowGroup]:
        return [RowGroup(key) for key in self._objects]

    def row(self, key: str) -> GridRow:
        found = self._objects[key]
        nameless = _is_nameless(self.listing)
        cells: list[Cell] = []
        for at in shown_columns(self.listing):
            text = found.cells[at] if at < len(found.cells) else ""
            if nameless and self.listing.columns[at].name == "Object":
                cells.append(Name(untrusted_name(text)))
            else:
                cells.append(Text(untrusted(text), Role.WARNING if text in _BAD else Role.TEXT))
        if not nameless:
            cells.insert(0, Name(untrusted_name(found.name), Role.STRONG))
        if self._has_namespaces:
            cells.insert(1, Text(untrusted_name(found.namespace), Role.DIM))
        return GridRow(key, tuple(cells))

    @property
    def _has_namespaces(self) -> bool:
        return self.listing.namespaced and not self.namespace


def shown_columns(listing: Listing) -> tuple[int, ...]:
    """The places of the columns that are drawn: all but the name, which is in front; last those for wide tables.

    A server has these in between, but what its tables always show is read first.
    """
    drawn = (at for at, column in enumerate(listing.columns) if column.name.lower() != "name")
    return tuple(sorted(drawn, key=lambda at: listing.columns[at].is_wide))


def _is_nameless(listing: Listing) -> bool:
    """True for events: nobody knows one by its name, and the time is what they are in the order of."""
    return listing.kind == "Event" and bool(shown_columns(listing))


_AGE: Final = re.compile(r"(\d+)([smhdy])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "y": 31_536_000}


def _age(one: ListedObject, at: int) -> int:
    """Seconds of an age as the server prints it (``2m27s``); those of one that is none come last."""
    parts = _AGE.findall(one.cells[at]) if at < len(one.cells) else []
    return sum(int(number) * _SECONDS[unit] for number, unit in parts) if parts else sys.maxsize


def listing_model(listing: Listing, namespace: str, wanted: Filter) -> ListingModel:
    """Return the objects that match the filter, in the server's order; events the newest first."""
    objects = list(listing.objects)
    nameless = _is_nameless(listing)
    if nameless:
        objects.sort(key=lambda one: _age(one, shown_columns(listing)[0]))
    found = {
        one.key: one
        for one in objects
        if not wanted or wanted.matches(" ".join((one.namespace, one.name, *one.cells)), {})
    }
    columns = [] if nameless else [GridColumn("name", "NAME", 24, align="left", grow=2, widest=64, priority=0)]
    for number, at in enumerate(shown_columns(listing)):
        head = listing.columns[at]
        title = untrusted(head.name).upper()
        widest = max([width_of(title), *(width_of(one.cells[at]) for one in listing.objects if at < len(one.cells))])
        width = max(width_of(title), min(widest, _LEAST), 0 if columns else width_of(title) + _PAGE)
        align: Align = "right" if head.is_number else "left"
        grow, most, share = int(widest > width), max(width, min(widest, _WIDEST)), 0.0
        priority = number + (20 if head.is_wide else 1)
        if nameless and head.name in _OF_EVENTS:
            priority = _OF_EVENTS.index(head.name)
        if nameless and head.name == "Message":
            grow, most, share = 3, max(width, widest), _OF_WHAT_HAPPENED
        columns.append(
            GridColumn(
                f"column{at}",
                title,
                width,
                align=align,
                grow=grow,
                widest=most,
                priority=priority,
                share=share,
                explains=nameless and head.name == "Message",
                fills=not head.is_wide,
            )
        )
    if listing.namespaced and not namespace:
        columns.insert(
            1,
            GridColumn(
                "namespace",
                "NAMESPACE",
                12,
                align="left",
                grow=1,
                widest=30,
                priority=len(_OF_EVENTS) if nameless else 2,
            ),
        )
    return ListingModel(listing, namespace, wanted, columns=tuple(columns), _objects=found)
