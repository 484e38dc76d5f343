"""The metrics in a store that rules may use: a rule about a missing one would never fire."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.metrics.answers import samples
from fleet.metrics.dialect import Match
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import by_name
from fleet.metrics.promql import limited_to, queries, tagged
from fleet.sources.store import Store


async def names_in(store: Store, dialects: DialectSet, within: Sequence[Match] = ()) -> frozenset[str]:
    """The names of these dialects' metrics that a store has series of. Raises SourceProblem."""
    wanted = {member: {member.canonical(name) for name in member.names()} for member in dialects}
    with limited_to(within):
        parts = by_name("group", (), wanted)
        texts = queries([tagged(str(at), part) for at, part in enumerate(parts)])
    found = [labels["__name__"] for text in texts for labels, _, _ in samples(await store.query(text))]
    return frozenset(found)


def usual_names(dialects: DialectSet) -> frozenset[str]:
    """Return the names as their engines write them, for use without a store."""
    return frozenset(member.canonical(name) for member in dialects for name in member.names())
