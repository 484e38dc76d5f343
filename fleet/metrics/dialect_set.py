"""The dialects of one family (engines, gateways, GPU exporters), read together: each series belongs to one of them.

A process may use several: an engine and the framework that runs it. Per row and quantity the first dialect with a
number wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from itertools import count
from typing import TypeVar

from fleet.metrics.dialect import Dialect, GpuLabels
from fleet.metrics.product import Product
from fleet.model.quantity import Family, Quantity

T = TypeVar("T")

_VERSIONS = count()


class DialectSet:
    """Dialects in the order in which they are tried for a number."""

    def __init__(self, members: Iterable[Dialect] = ()) -> None:
        self._replace_members(tuple(members))

    def _replace_members(self, members: tuple[Dialect, ...]) -> None:
        self._members = members
        self.version = next(_VERSIONS)
        """New for each set of members: it invalidates what was derived from earlier ones."""
        self.model_labels = _unique(label for member in members for label in member.model_labels)
        self.rank_labels = _unique(label for member in members for label in member.rank_labels)
        self.backend_labels = _unique(label for member in members for label in member.backend_labels)
        self.masks = {name: bits for member in members for name, bits in member.masks.items()}
        self.families: Mapping[Family, None] = dict.fromkeys(f for member in members for f in member.families)
        self._owners: dict[str, tuple[Dialect, ...]] = {}
        for member in members:
            for name in member.names():
                self._owners[name] = (*self._owners.get(name, ()), member)
        self.names = frozenset(self._owners)
        """Every sample name, in every spelling, that one of them reads."""
        several = {member for owners in self._owners.values() if len(owners) > 1 for member in owners}
        self.distinguishing = _unique(match.label for member in members if member in several for match in member.where)
        """Labels that distinguish the series of members with the same names."""
        every = [member.gpu for member in members]
        named = (field.name for field in fields(GpuLabels))
        self.gpu = GpuLabels(**{name: _unique(n for own in every for n in getattr(own, name)) for name in named})
        """The labels of all of them that name GPUs."""
        self._among: dict[frozenset[str], DialectSet] = {}

    @contextmanager
    def adding(self, *dialects: Dialect) -> Iterator[None]:
        """Add these dialects for as long as the context lasts."""
        before = self._members
        self._replace_members((*before, *dialects))
        try:
            yield
        finally:
            self._replace_members(before)

    def __iter__(self) -> Iterator[Dialect]:
        return iter(self._members)

    def __bool__(self) -> bool:
        return bool(self._members)

    def of_products(self, names: Collection[str]) -> DialectSet:
        """Return the dialects of these products."""
        key = frozenset(names)
        if key not in self._among:
            self._among[key] = DialectSet(member for member in self._members if member.name in key)
        return self._among[key]

    def by_name(self, name: str) -> Dialect | None:
        """The dialect of a product."""
        return next((member for member in self._members if member.name == name), None)

    @property
    def products(self) -> tuple[Product, ...]:
        """The products whose metrics are read."""
        return tuple(member.product for member in self._members)

    def owner(self, name: str, labels: Mapping[str, str]) -> Dialect | None:
        """Return the dialect of a series; None if no dialect reads it."""
        for member in self._owners.get(name, ()):
            if all(match.accepts(labels) for match in member.where):
                return member
        return None

    def exposes(self, names: Iterable[str], quantity: Quantity) -> bool:
        """True if one of these products has a metric of a quantity."""
        return any(member.exposes(quantity) for member in self.of_products(tuple(names)))


def _unique(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
