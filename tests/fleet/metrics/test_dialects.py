"""Several dialects read as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.metrics.dialect import Dialect, Dialects, Kind, Match, Metric, Op, Pick, Rule
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.registry import ENGINES, GPUS
from fleet.model.quantity import Family, Quantity

TOY = Dialect(
    prefixes=("toy:", "toy_"),
    present=(Quantity.RUNNING,),
    exclude=(Match("shadow", Op.EQUAL, ""),),
    rules={
        Quantity.RUNNING: Rule((Metric("toy:busy"),)),
        Quantity.GENERATION_TOKENS: Rule((Metric("toy:out_total", Kind.COUNTER),)),
    },
    families={Family.TTFT: ("toy:first_seconds",)},
    phases={},
)
BOTH = Dialects((VLLM, TOY))


def test_a_name_is_spelt_as_its_own_dialect_spells_it() -> None:
    assert BOTH.spellings("toy:busy") == ("toy:busy", "toy_busy")
    assert BOTH.spellings("vllm:num_requests_running") == VLLM.spellings("vllm:num_requests_running")
    assert BOTH.spellings("toy:first_seconds_count") == ("toy:first_seconds_count", "toy_first_seconds_count")
    assert BOTH.spellings("nobodys") == ("nobodys",)
    assert [BOTH.canonical(name) for name in ("toy_busy", "ray_vllm_num_requests_running", "x")] == [
        "toy:busy",
        "vllm:num_requests_running",
        "x",
    ]


def test_quantities_that_both_give_come_from_whichever_is_there() -> None:
    assert set(BOTH.names_of(Quantity.RUNNING, Kind.GAUGE)) == {
        *VLLM.spellings("vllm:num_requests_running"),
        "toy:busy",
        "toy_busy",
    }
    assert BOTH.families[Family.TTFT] == (*VLLM.families[Family.TTFT], "toy:first_seconds")
    assert BOTH.rules[Quantity.WAITING] == VLLM.rules[Quantity.WAITING]
    assert BOTH.names() == VLLM.names() | TOY.names()
    assert set(BOTH.exclude) == {*VLLM.exclude, *TOY.exclude}


def test_a_dialect_that_reads_a_quantity_in_another_way_is_refused() -> None:
    other = replace(TOY, rules={Quantity.RUNNING: Rule((Metric("toy:busy"),), pick=Pick.MAX)})
    with pytest.raises(ValueError, match="requests_running is read in two ways"):
        Dialects((VLLM, other))


def test_no_two_dialects_read_the_same_name() -> None:
    for registry in (ENGINES, GPUS):
        assert sum(len(member.names()) for member in registry.members) == len(registry.names() - set(registry.masks))
