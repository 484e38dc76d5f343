"""A resource of a cluster as its server lists it: a table with the server's own columns, for any kind."""

from __future__ import annotations

from typing import NamedTuple


class ListedColumn(NamedTuple):
    """A column, as the server names it."""

    name: str
    is_number: bool = False
    is_wide: bool = False
    """True for one that kubectl shows with ``-o wide`` alone."""


class ListedObject(NamedTuple):
    """A row: an object, and the server's text in each column."""

    namespace: str
    name: str
    cells: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Listing(NamedTuple):
    """Objects of one kind, as many as one answer has."""

    kind: str
    plural: str
    """The resource with its group: ``deployments.apps``."""
    namespaced: bool
    columns: tuple[ListedColumn, ...]
    objects: tuple[ListedObject, ...]
    more: int = 0
    """Number of objects beyond these; -1 if there are some and the server does not tell how many."""
