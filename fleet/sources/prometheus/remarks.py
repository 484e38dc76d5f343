"""Remarks on what a store has, for the user, beside the numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fleet.metrics.engine_rows import EngineRows
from fleet.model.measurement import Table
from fleet.model.quantity import Quantity

_SKEW_SHOWN = 5.0
"""Difference between the clocks of server and console, in seconds, from which it is shown."""
_CLUSTERS_NAMED = 5
"""Clusters that are named."""


def some(clusters: Sequence[str]) -> str:
    """Return the names of clusters, of many the first."""
    more = f" and {len(clusters) - _CLUSTERS_NAMED} more" if len(clusters) > _CLUSTERS_NAMED else ""
    return ", ".join(clusters[:_CLUSTERS_NAMED]) + more


def remarks(rows: EngineRows, table: Table, window: float, skew: float, *, latencies: bool) -> list[str]:
    """Return them; ``skew`` is how many seconds its clock is ahead, ``latencies`` whether it has any."""
    found = []
    clusters = rows.series.present.clusters
    if len(clusters) > 1:
        found.append(
            f"it holds engines of {len(clusters)} clusters ({some(clusters)}), which may be mixed up here: "
            'name yours in the configuration: [prometheus] cluster = "NAME"'
        )
    rated = table.columns.get(Quantity.GENERATION_TOKENS, ())
    if not latencies and any(map(math.isfinite, rated)):
        found.append(
            "it has no classic histograms of the engines (no series *_bucket), so latencies are not known: they "
            "are dropped when scraped, or stored as native ones (convert_classic_histograms_to_nhcb)"
        )
    unknown = [row for row in rows.young if not rated or math.isnan(rated[row])]
    if unknown:
        first = rows.ids[unknown[0]]
        named = first.pod or first.instance
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        found.append(f"the rates of {named}{more} are not known yet: scraped for less than {window:.0f} s")
    if not rows.ids:
        found.append("it has no metrics of an engine: is a ServiceMonitor or PodMonitor for the engines missing?")
    if abs(skew) > _SKEW_SHOWN:
        where = "ahead of" if skew > 0 else "behind"
        found.append(f"its clock is {abs(skew):.0f} s {where} this one; ages follow its clock")
    return found
