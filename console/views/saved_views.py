"""A saved view and the query of a table: one from the other."""

from __future__ import annotations

from typing import cast

from console.config.ui_tables import SavedView, ViewedScreen
from console.views.filter import parse_filter
from console.views.query import Query
from widgets.grid import Arrangement, Sort

ALL = "all"
"""Namespace of a view for every namespace."""


def query_of(view: SavedView) -> Query:
    """Return the query of a view. Raises FilterError."""
    sort = Sort(view.sort, not view.ascending) if view.sort else None
    return Query(parse_filter(view.filter), sort, view.others)


def saved(screen: str, query: Query, namespace: str, arrangement: Arrangement) -> SavedView:
    """Return the view that a query shows on a screen, in a namespace (empty for all), in this arrangement."""
    sort = query.sort
    return SavedView(
        cast("ViewedScreen", screen),
        query.filter.text,
        sort.column if sort is not None else "",
        sort is not None and not sort.descending,
        query.others,
        namespace or ALL,
        arrangement.columns,
        arrangement.pinned,
    )


def view_text(view: SavedView) -> str:
    """Return what a view shows, in a line."""
    parts = (
        view.screen,
        f"in {'all namespaces' if view.namespace == ALL else view.namespace}" if view.namespace else "",
        f"/{view.filter}" if view.filter else "",
        f"by {view.sort}" if view.sort else "",
        f"columns {' '.join(view.columns)}" if view.columns else "",
    )
    return "  ".join(filter(None, parts))
