"""GPUs that their exporter no longer lists: a loss where others of the node stay, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from fleet.model.measurement import GpuId
from fleet.snapshot.listed_gpus import FORGOTTEN, ListedGpus
from tests.fleet.rows import NOW


def card(number: int, node: str = "n0", part: str = "") -> GpuId:
    return GpuId(f"GPU-{number}", part, node, str(number))


def listed(*cards: GpuId) -> tuple[Mapping[str, GpuId], Mapping[str, Sequence[str]]]:
    """The GPUs by key, and their keys by node."""
    nodes = dict.fromkeys(one.node for one in cards)
    return {one.key: one for one in cards}, {node: [one.key for one in cards if one.node == node] for node in nodes}


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ((card(0), card(1)), (card(0),), {"n0": (card(1),)}),
        ((card(0), card(1)), (card(0), card(1)), {}),
        ((card(0), card(1), card(2, "n1")), (card(2, "n1"),), {}),
        ((card(0), card(1)), (card(0), card(1, part="3")), {}),
        ((card(0), card(1), card(2, "n1")), (card(0), card(1, "n1"), card(2, "n1")), {}),
        ((card(0), card(1, part="3")), (card(0),), {}),
    ],
    ids=["lost", "well", "exporter gone", "split", "moved", "parts changed"],
)
def test_a_gpu_is_lost_where_others_of_its_node_stay(
    before: Sequence[GpuId], after: Sequence[GpuId], lost: Mapping[str, Sequence[GpuId]]
) -> None:
    gpus = ListedGpus()
    assert gpus.at(*listed(*before), NOW) == {}
    assert gpus.at(*listed(*after), NOW + 15) == lost


def test_it_is_no_news_once_it_is_back_or_that_is_long_ago() -> None:
    gpus, both, one = ListedGpus(), listed(card(0), card(1)), listed(card(0))
    gpus.at(*both, NOW)
    missing = gpus.at(*one, NOW + 15)
    assert gpus.at(*one, NOW + 30) is missing
    assert gpus.at(*both, NOW + 45) == {}
    gpus.at(*one, NOW + 60)
    assert gpus.at(*one, NOW + 60 + FORGOTTEN) == {}
