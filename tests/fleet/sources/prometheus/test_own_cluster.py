"""The cluster in view is told from the series of a store, or it is not told at all."""

from __future__ import annotations

import pytest

from fleet.sources.prometheus.own_cluster import own_cluster
from tests.fleet.rows import pod

PODS = {"serving/a": pod("a", ip="10.0.0.7")}
OURS = {"namespace": "serving", "pod": "a", "instance": "10.0.0.7:8000", "cluster": "eu"}
THEIRS = OURS | {"instance": "10.9.0.7:8000", "cluster": "us"}
OF_A_GPU = {"namespace": "gpu-operator", "pod": "dcgm-x", "instance": "10.0.0.9:9400"}


@pytest.mark.parametrize(
    ("series", "cluster"),
    [
        ([OURS, THEIRS], "eu"),
        ([OURS, THEIRS, OF_A_GPU | {"cluster": "eu"}], "eu"),
        # Engines alone name it: what else is ours would be left out.
        ([OURS, THEIRS, OF_A_GPU], ""),
        ([{**OURS, "cluster": ""}, THEIRS, THEIRS | {"cluster": "asia"}], ""),
        ([OURS, OURS | {"cluster": "us"}], ""),
        ([THEIRS], ""),
        ([], ""),
    ],
)
def test_it_is_the_only_one_with_these_pods_at_these_addresses_where_every_series_names_one(
    series: list[dict[str, str]], cluster: str
) -> None:
    assert own_cluster(({"metric": labels} for labels in series), PODS) == cluster
