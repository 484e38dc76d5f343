"""Get, list and watch over the store, in the three representations that clients request."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from simulator.api import errors
from simulator.api.requests import LATEST, Form, ListOptions, continue_token, read_token
from simulator.api.resources import Resource
from simulator.api.selectors import FieldTest, LabelTest, field_selector, label_selector
from simulator.store import Change, Entry, ExpiredError, Key, Store

BOOKMARK_EVERY = 60.0
"""Real seconds between bookmarks; the API server sends one a minute and one just before the timeout."""
DEFAULT_TIMEOUT = 1800
"""Default duration of a watch in real seconds (kube-apiserver: 30 to 60 minutes)."""
_SLICE = 200
"""Entries worked on before other requests get their turn."""

META = "meta.k8s.io/v1"
Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """The representation of objects in one response."""

    resource: Resource
    form: Form
    include_object: str
    now: float

    def item(self, entry: Entry) -> bytes:
        """The entry as an item of a list (Table: as a row)."""
        if self.form is Form.TABLE:
            return orjson.dumps(self._row(entry))
        if self.form is Form.METADATA:
            return orjson.dumps(_partial(entry))
        if self.resource.storage != self.resource.api_version:
            shown = self.resource.view(entry.obj)
            return orjson.dumps({key: value for key, value in shown.items() if key not in ("kind", "apiVersion")})
        return entry.document if self.resource.custom else entry.body

    def document(self, entry: Entry, *, headers: bool = True) -> bytes:
        """Return the entry as a single answer; a Table with `headers` includes its column definitions."""
        if self.form is Form.TABLE:
            head = self._table_head({"resourceVersion": str(entry.version)}, headers=headers)
            return orjson.dumps(head | {"rows": [self._row(entry)]})
        if self.form is Form.METADATA:
            return orjson.dumps(_partial(entry))
        if self.resource.storage != self.resource.api_version:
            return orjson.dumps(self.resource.view(entry.obj))
        return entry.document

    def _row(self, entry: Entry) -> Obj:
        shown: Obj | None = None
        if self.include_object == "Object":
            shown = self.resource.view(entry.obj)
        elif self.include_object == "Metadata":
            shown = _partial(entry)
        return {"cells": [column.cell(entry.obj, self.now) for column in self.resource.columns], "object": shown}

    def _table_head(self, metadata: Obj, *, headers: bool = True) -> Obj:
        columns = [column.definition() for column in self.resource.columns] if headers else None
        return {"kind": "Table", "apiVersion": META, "metadata": metadata, "columnDefinitions": columns}

    def list_head(self, metadata: Obj) -> bytes:
        """The beginning of a list, up to the bracket that opens its items."""
        if self.form is Form.TABLE:
            return orjson.dumps(self._table_head(metadata) | {"rows": []})[:-2]
        kind, api_version = f"{self.resource.kind}List", self.resource.api_version
        if self.form is Form.METADATA:
            kind, api_version = "PartialObjectMetadataList", META
        return orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": []})[:-2]

    def bookmark(self, version: int, *, initial_end: bool) -> bytes:
        """Return the object of a BOOKMARK: a resourceVersion and zero values, nothing of any real object."""
        metadata: Obj = {"resourceVersion": str(version)}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        if self.form is Form.METADATA:
            return orjson.dumps({"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": metadata})
        shown = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": metadata}
        return orjson.dumps(shown | self.resource.zero)


def _partial(entry: Entry) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": entry.obj["metadata"]}


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries that a request is about."""

    resource: Resource
    namespace: str
    labels: LabelTest | None
    fields: FieldTest | None

    @classmethod
    def parse(cls, resource: Resource, namespace: str, options: ListOptions) -> Selection:
        """Read the selectors. Raises ApiError 400."""
        labels, fields = label_selector(options.labels), field_selector(options.fields, resource.selectable)
        return cls(resource, namespace, labels, fields)

    def holds(self, entry: Entry | None) -> bool:
        """True if the entry is meant."""
        if entry is None or (self.namespace and entry.key[0] != self.namespace):
            return False
        if self.labels is not None and not self.labels(entry.labels):
            return False
        return self.fields is None or self.fields(self.resource.view(entry.obj))


class Reader:
    """Answers reads of one store."""

    def __init__(self, store: Store, now: Callable[[], float], bookmark_every: float = BOOKMARK_EVERY) -> None:
        self._store = store
        self._now = now
        self._bookmark_every = bookmark_every

    def view(self, resource: Resource, form: Form, include_object: str = "Metadata") -> View:
        """Return the representation of a resource's objects at this moment."""
        return View(resource, form, include_object, self._now())

    def find(self, resource: Resource, namespace: str, name: str) -> Entry:
        """The entry of a name. Raises ApiError 404."""
        table = self._store.table(resource.storage, resource.kind)
        entry = table.entries.get(resource.key(namespace, name))
        if entry is None:
            raise errors.not_found(resource.plural, resource.group, name)
        return entry

    async def page(self, view: View, selection: Selection, options: ListOptions) -> list[bytes]:
        """A list, or a page of one, as chunks of JSON. Raises ApiError 400, 410 and 504."""
        version, entries = self._state(view.resource, selection, options)
        page: list[bytes] = []
        metadata: Obj = {"resourceVersion": str(version)}
        if view.resource.custom and view.form is Form.OBJECT:
            metadata["continue"] = ""
        last: Key | None = None
        for count, entry in enumerate(entries):
            if selection.holds(entry):
                if options.limit and len(page) == options.limit and last is not None:
                    metadata["continue"] = continue_token(version, last, selection.namespace)
                    if selection.labels is None and selection.fields is None:
                        metadata["remainingItemCount"] = sum(map(selection.holds, entries[count:]))
                    break
                page.append(view.item(entry))
                last = entry.key
            if count % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        return [view.list_head(metadata), b",".join(page), b"]}\n"]

    def _state(self, resource: Resource, selection: Selection, options: ListOptions) -> tuple[int, list[Entry]]:
        """Return the resourceVersion and the entries of the list, from where it continues."""
        table = self._store.table(resource.storage, resource.kind)
        current = self._store.version
        if options.token:
            version, after = read_token(options.token, selection.namespace, namespaced=resource.namespaced)
            if version == LATEST:
                version = current
            try:
                entries = table.now() if version >= current else table.at(version)
            except ExpiredError:
                raise errors.continue_expired(_resumed(after, selection.namespace)) from None
            # The key of a token ends in NUL: it sorts after the entry that was the last of its page.
            return version, entries[bisect_right(entries, after, key=lambda entry: entry.key) :]
        asked = int(options.version or 0)
        if asked > current:
            raise errors.version_too_large(asked, current)
        if options.match == "Exact" or (asked and options.limit and not options.match):
            try:
                return asked, table.at(asked)
            except ExpiredError:
                raise errors.list_expired() from None
        return current, table.now()

    def watch(self, view: View, selection: Selection, options: ListOptions) -> AsyncIterator[bytes]:
        """Yield the lines of a watch, until its timeout; a history that is too short ends it with an ERROR 410.

        A watch without a resourceVersion begins at this call, not at the first line.
        """
        return self._events(view, selection, options, self._store.version)

    async def _events(
        self, view: View, selection: Selection, options: ListOptions, asked_at: int
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        end = loop.time() + (options.timeout or DEFAULT_TIMEOUT)
        table = self._store.table(view.resource.storage, view.resource.kind)
        encode = _Encoder(view)
        changed = asyncio.Event()
        cursor = int(options.version or 0)
        with table.listening(changed.set):
            if options.initial_events or (cursor == 0 and options.initial_events is None):
                cursor = self._store.version
                for entry in table.now():
                    if selection.holds(entry):
                        yield encode(b"ADDED", entry)
                if options.initial_events and options.bookmarks:
                    yield _line(b"BOOKMARK", view.bookmark(cursor, initial_end=True))
            cursor = cursor or asked_at
            next_bookmark = self._next_bookmark(loop.time(), end)
            while (now := loop.time()) < end:
                changed.clear()
                try:
                    changes = table.since(cursor)
                except ExpiredError as expired:
                    status = errors.watch_expired(cursor, max(expired.oldest, self._store.version)).status()
                    yield _line(b"ERROR", orjson.dumps(status))
                    return
                for change in changes:
                    cursor = change.version
                    line = encode.change(selection, change)
                    if line:
                        yield line
                if options.bookmarks and now >= next_bookmark:
                    next_bookmark = self._next_bookmark(now, end)
                    # Every change up to the store's version has been sent: the client may resume from there.
                    # A watch from a version that does not exist yet stays silent.
                    if cursor <= self._store.version:
                        cursor = self._store.version
                        yield _line(b"BOOKMARK", view.bookmark(cursor, initial_end=False))
                await _wait_at_most(changed, min(next_bookmark if options.bookmarks else end, end) - loop.time())

    def _next_bookmark(self, now: float, end: float) -> float:
        # The API server's last bookmark comes 2 s before the end, one thirtieth of its interval.
        last = end - self._bookmark_every / 30
        return end if now >= last else min(now + self._bookmark_every, last)


def _resumed(after: Key, namespace: str) -> str:
    return continue_token(LATEST, (after[0], after[1].removesuffix("\0")), namespace)


class _Encoder:
    """Watch events; in a Table only the first carries the column definitions."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._headers = True

    def __call__(self, event: bytes, entry: Entry) -> bytes:
        document = self._view.document(entry, headers=self._headers)
        self._headers = False
        return _line(event, document)

    def change(self, selection: Selection, change: Change) -> bytes | None:
        """The event of a change, seen through a selection: leaving it is a deletion, entering it a creation."""
        before, after = selection.holds(change.old), selection.holds(change.new)
        if after and change.new is not None:
            return self(b"MODIFIED" if before else b"ADDED", change.new)
        if before and change.old is not None:
            return self(b"DELETED", change.old.at(change.version))
        return None


def _line(event: bytes, document: bytes) -> bytes:
    return b'{"type":"%s","object":%s}\n' % (event, document)


async def _wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, at most so long."""
    if seconds > 0:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return
