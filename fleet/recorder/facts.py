"""The facts of further sources as bytes: alerts, silences and rules; all of them, or a difference.

A kind of facts is one line in ``KINDS``: a dataclass whose fields are tuples of rows. Other facts are shown but not
recorded. Rows have no keys, so a difference states for each field which earlier rows it keeps, as runs, and the new
ones: if one of two thousand alerts ends, two runs are written.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, get_args, get_type_hints

import orjson

from fleet.dataclass import dataclass
from fleet.model.acknowledgement import Acknowledgements
from fleet.model.alerts import Alert, Evaluated, MonitoringRule, Notified
from fleet.model.canary import CanaryAnswers
from fleet.model.ending import Endings
from fleet.model.facts import NO_FACTS, Dated, Facts
from fleet.model.routes import Routing
from fleet.model.store_signals import StoreSignals
from fleet.recorder.model_json import to_json
from fleet.recorder.objects import LEVEL
from fleet.recorder.problem import RecordingError, check_numbers, first_problem, json_in

if TYPE_CHECKING:
    from pydantic import TypeAdapter

KINDS: Final[Mapping[str, type]] = {
    "notified": Notified,
    "evaluated": Evaluated,
    "endings": Endings,
    "acknowledged": Acknowledgements,
    "routing": Routing,
    "canary": CanaryAnswers,
    "signals": StoreSignals,
}
"""The kinds of facts that are kept, by their names in a recording."""
_NAMES: Final = {kind: name for name, kind in KINDS.items()}

_Part: TypeAlias = "tuple[int, int] | dict[str, Any]"
"""A run of rows of before (the place of the first, and how many), or a row that is new."""


@dataclass(frozen=True, slots=True)
class _SourceFacts:
    """The facts of one source."""

    kind: str
    at: float
    rows: Mapping[str, tuple[_Part, ...]]
    """Field → its rows."""


@dataclass(frozen=True, slots=True)
class _Changes:
    """Facts that are other than before, and the sources that have none any more."""

    told: Mapping[str, _SourceFacts] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


ABOUT: Final = "facts"
"""The key under which a recording stores the names of its fact sources, as JSON."""


def sources_in(about: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the fact sources in a recording; none if they are missing or unreadable."""
    try:
        names = orjson.loads(about.get(ABOUT, "[]"))
    except orjson.JSONDecodeError:
        return ()
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def written_sources(names: Iterable[str]) -> dict[str, str]:
    """Return the entry for them in a recording's table ``about``."""
    return {ABOUT: orjson.dumps(sorted(names)).decode()}


def kept_facts(facts: Facts) -> dict[str, Dated[Any]]:
    """Return the facts that a recording keeps, by source."""
    return {name: dated for name, dated in facts.by_source.items() if type(dated.value) in _NAMES}


class FactsWriter:
    """Writes facts as they come; remembers the rows written last, to find the new ones."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._written: dict[str, Mapping[str, Sequence[bytes]]] = {}

    def whole(self, facts: Facts) -> bytes:
        """Everything that is kept of them."""
        self._values, self._written = {}, {}
        return self.difference(facts) or _packed(_Changes())

    def difference(self, facts: Facts) -> bytes | None:
        """Return the difference from the last written facts; None if there is none."""
        kept = kept_facts(facts)
        gone = tuple(name for name in self._values if name not in kept)
        changed = {}
        for name, dated in kept.items():
            # A source returns unchanged facts as the same object.
            if self._values.get(name) is not dated.value:
                found = self._source_facts(name, dated)
                if found is not None:
                    changed[name] = found
                self._values[name] = dated.value
        for name in gone:
            del self._values[name]
            self._written.pop(name, None)
        return _packed(_Changes(changed, gone)) if changed or gone else None

    def _source_facts(self, name: str, dated: Dated[Any]) -> _SourceFacts | None:
        kind, before = _NAMES[type(dated.value)], self._written.get(name)
        rows: dict[str, tuple[_Part, ...]] = {}
        written: dict[str, Sequence[bytes]] = {}
        for each in fields(dated.value):
            now = getattr(dated.value, each.name)
            known = {} if before is None else {row: place for place, row in enumerate(before.get(each.name, ()))}
            written[each.name] = [to_json(_plain(row)) for row in now]
            rows[each.name] = tuple(_parts(written[each.name], known))
        if before == written:
            return None
        self._written[name] = written
        return _SourceFacts(kind, dated.at, rows)


def apply(before: Facts | None, data: bytes) -> Facts:
    """Return the facts after a written difference. Raises RecordingError if it is invalid."""
    text = json_in(data)
    try:
        check_numbers(orjson.loads(text))
        changes = _changes().validate_json(text)
        before = before or NO_FACTS
        changed = {name: _read(before.by_source.get(name), one) for name, one in changes.told.items()}
    except ValueError as error:
        raise RecordingError(f"its facts cannot be read: {first_problem(error)}") from None
    kept = {name: dated for name, dated in before.by_source.items() if name not in changes.gone}
    return Facts(kept | changed)


def _plain(row: Any) -> Any:
    """Return a row without values that change at each answer but mean nothing."""
    match row:
        case MonitoringRule():
            return replace(row, evaluated=None)
        case Alert():
            return replace(row, value=None if row.value is None else float(f"{row.value:.2g}"))
        case _:
            return row


def _parts(rows: Sequence[bytes], known: Mapping[bytes, int]) -> Iterator[_Part]:
    first = count = 0
    for row in rows:
        place = known.get(row)
        if count and place == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = (0, 0) if place is None else (place, 1)
        if place is None:
            yield orjson.loads(row)
    if count:
        yield first, count


def _read(before: Dated[Any] | None, source: _SourceFacts) -> Dated[Any]:
    kind = KINDS.get(source.kind)
    if kind is None:
        raise ValueError(f"{source.kind!r} is not a kind of facts")
    known = before.value if before is not None and type(before.value) is kind else None
    found = {each.name: _rows(kind, each.name, known, source.rows.get(each.name, ())) for each in fields(kind)}
    return Dated(source.at, kind(**found))


def _rows(kind: type, name: str, known: Any, parts: Sequence[_Part]) -> tuple[Any, ...]:
    old = getattr(known, name, ())
    out: list[Any] = []
    for part in parts:
        if isinstance(part, tuple):
            first, count = part
            if not (first >= 0 and count > 0 and first + count <= len(old)):
                raise ValueError("some of its facts refer to earlier ones, which are missing")
            out += old[first : first + count]
        else:
            # Rows written by this program have the right types; a file from elsewhere may not.
            out.append(_row(kind, name).validate_json(orjson.dumps(part)))
    return tuple(out)


def _packed(changes: _Changes) -> bytes:
    return zlib.compress(to_json(changes), LEVEL)


@cache
def _changes() -> TypeAdapter[_Changes]:
    # Created on first use, and not by writers: its schema takes longer than the rest of a start.
    from pydantic import TypeAdapter

    return TypeAdapter(_Changes)


@cache
def _row(kind: type, name: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(get_args(get_type_hints(kind)[name])[0])
