"""The rows of a reused table are those of a new one, whatever happens to the fleet."""

from __future__ import annotations

import pytest

from console.views.fleet import FleetModel, FleetTable, fleet_model
from console.views.fleet_order import FleetOrder
from console.views.query import Query
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE
from tests.fleet.snapshot.life import Life


def drawn(model: FleetModel) -> dict[str, str]:
    """Return the content of each row as text, in which NaN equals itself."""
    workloads = [group.key for group in model.groups]
    keys = [*workloads, *(pod for key in workloads for pod in model.snapshot.pods_of.get(key, ()))]
    rows = map(model.row, keys)
    return {row.key: f"{row.severity} {[row.cells[at] for at in range(len(model.table))]}" for row in rows}


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_were_kept_are_those_of_now(seed: int) -> None:
    builder, table, query, life = Builder(), FleetTable(), Query(), Life(seed)
    for _ in range(20):
        life.live()
        # And what changes hardly anything, in no time.
        for happen in (life.nothing, life.swap, life.nothing, life.status, life.nothing):
            happen()
            snapshot = builder.build(life.state, life.measurement, [LIVE], life.now)
            kept, anew = table.model_of(snapshot, query), fleet_model(snapshot, query, FleetOrder())
            assert drawn(kept) == drawn(anew)
            again = builder.build(life.state, life.measurement, [LIVE], life.now)
            assert table.model_of(again, query) is kept or not kept.groups
