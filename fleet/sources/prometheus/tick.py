"""The queries of a tick that depend on the contents of the store: all but the first one, which determines them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from fleet.dataclass import dataclass
from fleet.metrics import bucket_queries, promql, queries
from fleet.metrics.engine_rows import EngineRows
from fleet.metrics.expressions import QueryScope

_MOST_PODS = 100
"""Number of pods beyond which their addresses outgrow any URL, and all engines are queried."""


@dataclass(frozen=True, slots=True)
class TickQueries:
    """Queries run in parallel; the answers to several texts in one field belong together. Empty texts are skipped."""

    models: tuple[str, ...]
    """Buckets by model."""
    numbers: tuple[str, ...]
    """Gauges and rates by engine."""
    gpus: tuple[str, ...]
    gateways: tuple[str, ...]
    own: tuple[str, ...]
    """Buckets by engine, of the requested pods, each text independent."""

    @classmethod
    def of(cls, scope: QueryScope, rows: EngineRows, pods: frozenset[str] | None) -> TickQueries:
        """Return the queries for these rows; ``pods`` are those whose own buckets are wanted, None for all."""
        return cls(
            (bucket_queries.model_buckets(scope),),
            tuple(queries.engine_numbers(scope)),
            tuple(queries.gpus(scope)),
            tuple(queries.gateways(scope)),
            tuple(_own_buckets(scope, rows, pods)),
        )

    def side_by_side(self) -> Iterator[tuple[str, ...]]:
        """The texts of each request or run of requests, in the order of the fields; ``own`` one by one, at the end."""
        yield from (self.models, self.numbers, self.gpus, self.gateways)
        yield from ((text,) for text in self.own)


def _own_buckets(scope: QueryScope, rows: EngineRows, pods: frozenset[str] | None) -> list[str]:
    if pods is not None:
        # Their series name no model, so they are not in the models' buckets.
        pods |= rows.nameless
    where = None if pods is None or len(pods) > _MOST_PODS else rows.label_values(pods)
    if where is not None and not where:
        return []
    together = bucket_queries.engine_buckets(scope, scope.engines.families, where)
    if len(quote(together)) <= promql.LONGEST:
        return [together]
    return [bucket_queries.engine_buckets(scope, (family,), where) for family in scope.engines.families]


def young_samples(scope: QueryScope, rows: EngineRows) -> list[str]:
    """Return the queries for engines younger than the window; none for more of them than a URL can name."""
    pods = {f"{rows.ids[row].namespace}/{rows.ids[row].pod}" for row in rows.young}
    return queries.young_samples(scope, rows.label_values(pods)) if 0 < len(pods) <= _MOST_PODS else []
