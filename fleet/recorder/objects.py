"""The rows of a cluster as bytes: all of them, or the difference from earlier rows.

Rows are checked against their types when they are read: a recording comes from elsewhere, and may contain anything.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import orjson

from fleet.dataclass import dataclass
from fleet.model.coverage import Coverage
from fleet.model.objects import (
    Event,
    HorizontalPodAutoscaler,
    Node,
    Pod,
    PodDisruptionBudget,
    Service,
    Workload,
)
from fleet.model.snapshot import Cluster, SourceStatus
from fleet.recorder.model_json import to_json
from fleet.recorder.problem import RecordingError, check_numbers, first_problem, json_in
from fleet.sources.kube.state import KubeState

if TYPE_CHECKING:
    from pydantic import TypeAdapter

LEVEL: Final = 1
"""Level of zlib: the higher ones take several times as long for a few per cent."""
ROWS: Final = ("pods", "nodes", "workloads", "links", "autoscalers", "budgets", "services", "events")
"""The fields of a KubeState that are rows by their keys."""


@dataclass(frozen=True, slots=True)
class ObservedState:
    """The cluster at one moment: its rows, and how its sources were."""

    state: KubeState
    statuses: tuple[SourceStatus, ...] = ()
    before: float | None = None
    """Unix time of the previous state: changes happened after it. None for the first of a console."""


class _Once:
    """A marker for pydantic, which is not imported here: of rows that are wrong the first is enough."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return {**handler(source), "fail_fast": True}


_ONCE: Final = _Once()


@dataclass(frozen=True, slots=True)
class _Changes:
    """New and changed rows, keys of deleted ones, and everything that is not a row."""

    cluster: Cluster
    synced: frozenset[str]
    coverage: Coverage
    statuses: tuple[SourceStatus, ...]
    pods: Annotated[tuple[Pod, ...], _ONCE] = ()
    nodes: Annotated[tuple[Node, ...], _ONCE] = ()
    workloads: Annotated[tuple[Workload, ...], _ONCE] = ()
    links: Annotated[tuple[Workload, ...], _ONCE] = ()
    autoscalers: Annotated[tuple[HorizontalPodAutoscaler, ...], _ONCE] = ()
    budgets: Annotated[tuple[PodDisruptionBudget, ...], _ONCE] = ()
    services: Annotated[tuple[Service, ...], _ONCE] = ()
    events: Annotated[tuple[Event, ...], _ONCE] = ()
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Field → keys."""
    before: float | None = None


class Redaction(Protocol):
    """Removes secrets from texts of objects."""

    def words(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """A command line."""
        ...

    def text(self, text: str) -> str:
        """A sentence."""
        ...


@cache
def _adapter() -> TypeAdapter[_Changes]:
    # Created on first use, and not by writers: its schema takes longer than the rest of a start.
    from pydantic import TypeAdapter

    return TypeAdapter(_Changes)


def whole(looked: ObservedState, redaction: Redaction) -> bytes:
    """Everything."""
    return _packed(_changes(None, looked, redaction))


def difference(before: ObservedState, after: ObservedState, redaction: Redaction) -> bytes | None:
    """Return the difference; None if nothing visible changed."""
    changes = _changes(before, after, redaction)
    if _still(before, after) and not changes.gone and not any(getattr(changes, name) for name in ROWS):
        return None
    return _packed(changes)


def apply(before: ObservedState | None, data: bytes) -> ObservedState:
    """Return the rows after a result of ``whole`` or ``difference``. Raises RecordingError if it is invalid."""
    text = json_in(data)
    try:
        check_numbers(orjson.loads(text))
        changes = _adapter().validate_json(text)
    except ValueError as error:
        raise RecordingError(f"its objects cannot be read: {first_problem(error)}") from None
    rows: dict[str, Any] = {}
    for name in ROWS:
        old = getattr(before.state, name) if before is not None else {}
        new, gone = getattr(changes, name), changes.gone.get(name, ())
        # Unchanged mappings stay the same objects, so that derived results are kept.
        rows[name] = {k: v for k, v in old.items() if k not in gone} | {r.key: r for r in new} if new or gone else old
    generation = before.state.generation + 1 if before is not None else 0
    state = KubeState(generation, changes.cluster, changes.synced, changes.coverage, **rows)
    return ObservedState(state, changes.statuses, changes.before)


def sharing(state: KubeState, *known: KubeState) -> KubeState:
    """Return the state with rows of known ones in place of equal rows: what was decoded is then no second copy.

    Of several equal rows the first counts; a mapping of which all rows are those of a known one is that mapping.
    """
    rows: dict[str, Any] = {name: _shared(getattr(state, name), [getattr(one, name) for one in known]) for name in ROWS}
    return replace(state, **rows)


def _shared(rows: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if any(rows is some for some in known):
        return rows
    found = {key: _known(key, row, known) for key, row in rows.items()}
    return next((some for some in known if len(some) == len(found) and _all_in(found, some)), found)


def _known(key: str, row: Any, known: Sequence[Mapping[str, Any]]) -> Any:
    for some in known:
        one = some.get(key)
        # Identity first: between two frames nearly all rows are the same objects.
        if one is row or one == row:
            return one
    return row


def _all_in(rows: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    return all(known.get(key) is row for key, row in rows.items())


_ROWS_AT_ONCE: Final = 250
"""Rows serialised without yielding: some milliseconds in which no key is answered."""


def _packed(changes: _Changes) -> bytes:
    """Pack changes as JSON, deflated."""
    deflater = zlib.compressobj(LEVEL)
    parts = [deflater.compress(part) for part in _written(changes)]
    return b"".join((*parts, deflater.flush()))


def _written(changes: _Changes) -> Iterator[bytes]:
    """The JSON object in pieces."""
    opening = b"{"
    for one in fields(changes):
        value = getattr(changes, one.name)
        yield opening + to_json(one.name) + b":"
        opening = b","
        if one.name not in ROWS:
            yield to_json(value)
            continue
        yield b"["
        for begin in range(0, len(value), _ROWS_AT_ONCE):
            yield (b"," if begin else b"") + to_json(value[begin : begin + _ROWS_AT_ONCE])[1:-1]
        yield b"]"
    yield b"}"


def _changes(before: ObservedState | None, after: ObservedState, redaction: Redaction) -> _Changes:
    found: dict[str, Any] = {}
    gone: dict[str, tuple[str, ...]] = {}
    for name in ROWS:
        new = getattr(after.state, name)
        old = getattr(before.state, name) if before is not None else {}
        if new is old:
            continue
        # By identity: a source returns an unchanged row as the same object.
        found[name] = tuple(row for key, row in new.items() if old.get(key) is not row)
        if left := tuple(key for key in old if key not in new):
            gone[name] = left
    found["pods"] = tuple(_plain_pod(pod, redaction) for pod in found.get("pods", ()))
    found["events"] = tuple(replace(one, message=redaction.text(one.message)) for one in found.get("events", ()))
    state = after.state
    heading = state.cluster, state.synced, state.coverage, after.statuses
    return _Changes(*heading, gone=gone, before=after.before, **found)


def _plain_pod(pod: Pod, redaction: Redaction) -> Pod:
    """Return a pod without the secrets in its command lines."""
    clean = tuple(
        replace(one, command=redaction.words(one.command), last_message=redaction.text(one.last_message))
        for one in pod.containers
    )
    return pod if clean == pod.containers else replace(pod, containers=clean)


def _still(before: ObservedState, after: ObservedState) -> bool:
    """True if everything that is not a row is unchanged; the number and time of requests do not count."""
    one, other = before.state, after.state
    return (
        one.cluster == other.cluster
        and one.synced == other.synced
        and one.coverage == other.coverage
        and tuple(map(_without_counts, before.statuses)) == tuple(map(_without_counts, after.statuses))
    )


def _without_counts(status: SourceStatus) -> SourceStatus:
    return replace(status, requests=0, last_ok=None)
