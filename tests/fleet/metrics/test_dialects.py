"""Several dialects read as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.metrics.dialect import Dialect, LabelProduct, Match, Metric, MetricType, Op, Proof, Rule
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.product import Product
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.quantity import Family, Quantity

TOY = Dialect(
    product=Product("Toy"),
    proof=Proof.DOCUMENTATION,
    prefixes=("toy:", "toy_"),
    present=(Quantity.RUNNING,),
    rules={
        Quantity.RUNNING: Rule((Metric("toy:busy"),)),
        Quantity.GENERATION_TOKENS: Rule((Metric("toy:out_total", MetricType.COUNTER),)),
        Quantity.KV_CAPACITY: Rule((Metric("toy:info", products=(LabelProduct(("blocks",)),)),)),
    },
    families={Family.TTFT: ("toy:first_seconds",)},
)
FORK = replace(
    VLLM,
    product=Product("Fork"),
    where=(Match("fork", Op.NOT_EQUAL, ""),),
    rules={Quantity.RUNNING: Rule((Metric("vllm:num_requests_running"),))},
    families={},
    phases={},
)
BOTH = DialectSet((VLLM, TOY))


def test_a_name_is_spelt_as_its_own_dialect_spells_it() -> None:
    assert TOY.spellings("toy:busy") == ("toy:busy", "toy_busy")
    assert TOY.spellings("nobodys") == ("nobodys",)
    assert [TOY.canonical(name) for name in ("toy_busy", "x")] == ["toy:busy", "x"]


def test_a_series_is_of_the_dialect_that_reads_its_name() -> None:
    assert BOTH.owner("toy_busy", {}) is TOY
    assert BOTH.owner("ray_vllm_num_requests_running", {}) is VLLM
    assert BOTH.owner("vllm:num_requests_running", {"server": "http://a"}) is None, "a router's copy"
    assert BOTH.owner("nobodys", {}) is None
    assert BOTH.names == VLLM.names() | TOY.names()
    assert BOTH.distinguishing == ()


def test_products_that_share_names_are_told_apart_by_their_labels() -> None:
    both = DialectSet((FORK, VLLM))
    assert both.owner("vllm:num_requests_running", {"fork": "yes"}) is FORK
    assert both.owner("vllm:num_requests_running", {"model_name": "m"}) is VLLM
    assert set(both.distinguishing) == {"fork", "server"}


@pytest.mark.parametrize(
    ("op", "value", "accepted"),
    [
        (Op.EQUAL, "5xx", ["5xx"]),
        (Op.NOT_EQUAL, "5xx", ["", "503"]),
        (Op.MATCHES, "5..", ["503", "5xx"]),
        (Op.NOT_MATCHES, "5..", [""]),
    ],
)
def test_matches_are_those_of_promql(op: Op, value: str, accepted: list[str]) -> None:
    match = Match("code", op, value)
    assert sorted(code for code in ("", "503", "5xx") if match.accepts({"code": code})) == sorted(accepted)


def test_what_a_product_does_not_expose_follows_from_its_rules() -> None:
    assert TOY.exposes(Quantity.TTFT_P95)
    assert TOY.exposes(Quantity.RUNNING)
    assert not TOY.exposes(Quantity.ITL_P95)
    assert not TOY.exposes(Quantity.ERROR_RATIO)
    assert VLLM.exposes(Quantity.ERROR_RATIO), "a ratio of two that it has"
    assert BOTH.exposes(("Toy", "vLLM"), Quantity.ITL_P95)
    assert not BOTH.exposes(("Toy",), Quantity.ITL_P95)


def test_what_is_added_is_gone_again_when_its_context_ends() -> None:
    before, version = tuple(ENGINES), ENGINES.version
    with ENGINES.adding(TOY):
        assert tuple(ENGINES) == (*before, TOY)
        assert ENGINES.by_name("Toy") is TOY
        assert ENGINES.version != version
    assert tuple(ENGINES) == before
    assert "toy_busy" not in ENGINES.names


def test_every_dialect_that_is_read_can_be_noticed_and_names_what_proved_it() -> None:
    for registry in (ENGINES, GATEWAYS, GPUS):
        for member in registry:
            assert member.seen_by()
            assert set(member.present) <= set(member.rules)
            assert registry.by_name(member.name) is member, "names are unique"
