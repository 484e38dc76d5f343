"""Rows of the fleet screen and their order: filters, sorting, workloads that serve nothing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.console.screens.desk import desk, fleet
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot, ticked


@pytest.mark.parametrize(
    ("typed", "pods"),
    [
        ("00004", {"llama-70b-00004"}),
        ("!llama|qwen", {"mixtral-8x22b"}),
        ("-l app=qwen-32b", {"qwen-32b"}),
        ("-l app!=qwen-32b,app", {"llama-70b", "llama-8b", "mixtral-8x22b"}),
        ("-f mxtrl", {"mixtral-8x22b"}),
        ("OOMK", {"llama-8b-00009", "mixtral-8x22b-00015"}),
    ],
)
async def test_filters(typed: str, pods: set[str]) -> None:
    async with desk(make_snapshot()) as d:
        assert d.desk.snapshot is not None
        await d.press("slash")
        await d.type(typed)
        await d.press("enter")
        groups = d.fleet.grid._model.groups
        names = {d.desk.snapshot.pods[key].name for group in groups for key in group.children}
        assert names
        assert all(any(name.startswith(start) for start in pods) for name in names)
        assert all(any(name.startswith(start) for name in names) for start in pods)


async def test_a_filter_holds_until_esc_and_a_bad_one_is_explained() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("slash")
        await d.type("qwen")
        assert len(d.fleet.grid._model.groups) == 1
        await d.press("enter")
        await d.deliver(ticked(make_snapshot()))
        assert len(d.fleet.grid._model.groups) == 1
        await d.press("escape")
        assert len(d.fleet.grid._model.groups) == 4
        await d.press("slash")
        await d.type("(")
        await d.press("enter")
        assert "not a regular expression" in d.text
        assert len(d.fleet.grid._model.groups) == 4


async def test_a_filter_that_is_given_up_leaves_the_one_before() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("slash")
        await d.type("llama")
        await d.press("enter", "slash")
        await d.type("xyz")
        assert "nothing matches" in d.text
        await d.press("escape")
        assert [g.key for g in d.fleet.grid._model.groups] == [
            "serving/Deployment/llama-8b",
            "serving/Deployment/llama-70b",
        ]
        await d.press("j")
        assert d.grid.cursor != "serving/Deployment/llama-8b"


async def test_sorting_by_shift_letters_and_back_to_worst_first() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("N")
        names = [g.key.rpartition("/")[2] for g in d.fleet.grid._model.groups]
        assert names == ["llama-70b", "llama-8b", "mixtral-8x22b", "qwen-32b"]
        await d.press("N")
        assert [g.key.rpartition("/")[2] for g in d.fleet.grid._model.groups] == names[::-1]
        await d.press("T")
        assert "↓TTFT95" in d.text
        times = [re.findall(r"\d\.\d\ds", line)[0] for line in d.lines if "5/6" in line]
        assert times == ["2.50s", "2.42s", "2.33s", "1.50s"]
        await d.press("S")
        assert d.fleet.grid._model.groups[0].key == WORST


async def test_workloads_that_serve_nothing_are_one_key_away() -> None:
    snapshot = make_snapshot()
    some = dict(list(snapshot.model_of.items())[:3])
    async with desk(replace(snapshot, model_of=some)) as d:
        assert len(d.fleet.grid._model.groups) == 3
        await d.press("a")
        assert len(d.fleet.grid._model.groups) == 4
        await d.press("a")
        assert len(d.fleet.grid._model.groups) == 3


async def test_a_cluster_that_serves_nothing_says_what_to_do() -> None:
    async with desk(fleet(model_of={})) as d:
        assert "serves a model" in d.text
        assert "a shows the other 4 workloads" in d.text
