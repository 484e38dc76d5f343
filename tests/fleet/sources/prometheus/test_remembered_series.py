"""Answers with the same series: labels are read once, numbers each time, and any change is noticed."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import pytest

from fleet.metrics.answers import Labels
from fleet.metrics.expressions import GONE, PRESENT, YOUNG
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.prometheus import answer
from fleet.sources.prometheus import source as source_module
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.remembered_series import Remembered
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.fake_prometheus import LABELS, SEEN, Fake, asking, serving

ODD = '"result":[ },"value":[1,"1"]},{"metric":{ \\ é'
"""A label that looks like what stands between labels."""
Vector = list[tuple[dict[str, str], str]]


def _answer_with(vector: Vector, at: float = 1_795_220_000.123, indent: bool = False, **more: Any) -> Answer:
    result = [{"metric": labels, "value": [at, value]} for labels, value in vector]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}, **more}
    return Answer(orjson.dumps(body, option=orjson.OPT_INDENT_2 if indent else None))


class Reader:
    """Reads answers, and counts the reads of their labels."""

    def __init__(self) -> None:
        self.made = 0
        self._remembered = Remembered[list[Labels]]()

    def read(self, *answers: Answer, against: object = None) -> tuple[list[Labels], list[float]]:
        def make(series: Iterable[Labels]) -> list[Labels]:
            self.made += 1
            return list(series)

        labels, values = self._remembered.read(answers, against, make)
        assert math.isnan(values[-1])
        return labels, values[:-1]


def _vector(*values: str) -> Vector:
    return [({"pod": f"p{number}", "name": ODD}, value) for number, value in enumerate(values)]


@pytest.mark.parametrize("size", [1, 100, 1 << 18])
def test_the_same_series_are_known_again_however_long_their_numbers_are(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(answer, "_SLICE", size)
    reader = Reader()
    first = reader.read(_answer_with(_vector("1", "2.5", "+Inf", "1e-07")))
    labels, values = reader.read(_answer_with(_vector("1000000", "0", "7", "-3.25"), at=1_795_220_005.0))
    assert reader.made == 1
    assert labels == first[0] == [labels for labels, _ in _vector("", "", "", "")]
    assert (first[1], values) == ([1.0, 2.5, math.inf, 1e-07], [1e6, 0.0, 7.0, -3.25])


@pytest.mark.parametrize(
    "changed",
    [
        _vector("1", "2", "3")[::-1],
        _vector("1", "2"),
        _vector("1", "2", "3", "4"),
        [*_vector("1", "2"), ({"pod": "p2", "name": "another"}, "3")],
        [],
    ],
)
def test_other_series_or_another_order_are_read_anew(changed: Vector) -> None:
    reader = Reader()
    reader.read(_answer_with(_vector("1", "2", "3")))
    assert reader.read(_answer_with(changed)) == (
        [labels for labels, _ in changed],
        [float(value) for _, value in changed],
    )
    assert reader.made == 2


def test_several_answers_are_one() -> None:
    reader = Reader()
    one, two = _vector("1", "2"), _vector("3")
    reader.read(_answer_with(one), _answer_with(two))
    assert reader.read(_answer_with(one), _answer_with(two))[1] == [1.0, 2.0, 3.0]
    assert reader.made == 1
    reader.read(_answer_with(two), _answer_with(one))
    assert reader.made == 2


def test_what_the_meaning_was_worked_out_against_has_changed() -> None:
    reader = Reader()
    for against in (1, 1, 2):
        reader.read(_answer_with(_vector("1")), against=against)
    assert reader.made == 2


def test_json_that_is_written_in_another_way_is_read_all_the_same() -> None:
    reader = Reader()
    for value in ("1", "2"):
        assert reader.read(_answer_with(_vector(value, "0"), indent=True, warnings=["a }] b"]))[1] == [
            float(value),
            0.0,
        ]
    assert reader.made == 2


@pytest.mark.parametrize("size", [1, 1 << 18])
def test_a_warning_that_looks_like_the_end_of_a_result_is_a_warning(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(answer, "_SLICE", size)
    reader = Reader()
    warned = ('store-1: {"errors":[{"codes":[5]}]}', "]}]}]")
    for value in ("1", "2"):
        found = _answer_with(_vector(value, "0"), warnings=warned)
        assert found.warnings == warned
        assert reader.read(found)[1] == [float(value), 0.0]
    assert reader.made == 1


@pytest.mark.parametrize("expected", ["one", "true", "null", "1,2", "[1]", "{}", ""])
def test_no_number_is_said(expected: str) -> None:
    reader = Reader()
    reader.read(_answer_with(_vector("1")))
    with pytest.raises(SourceProblem, match="not Prometheus'"):
        reader.read(_answer_with(_vector(expected)))


@pytest.mark.parametrize("other", ["NaN", "+Inf", "-Inf", "0"])
def test_numbers_are_the_same_however_they_are_read(other: str) -> None:
    reader = Reader()
    written = ["1e400", "18446744073709551617", "0.1", "1.7976931348623157e+308", "5e-324", "-7", "1e+06", other]
    first = reader.read(_answer_with(_vector(*written)))[1]
    second = reader.read(_answer_with(_vector(*written)))[1]
    assert reader.made == 1
    assert array("d", second).tobytes() == array("d", first).tobytes() == array("d", map(float, written)).tobytes()


async def test_measurements_follow_what_comes_and_goes_and_who_was_seen_last() -> None:
    def stamp(ago: float, **labels: str) -> tuple[dict[str, str], str]:
        return {**SEEN, **labels}, str(time.time() - ago)

    def tokens(value: float, **labels: str) -> tuple[dict[str, str], str]:
        key = {name: LABELS[name] for name in ("instance", "model_name", "engine")}
        return {**key, **labels, "q": "generation_tokens_per_second"}, str(value)

    fake = Fake()
    async with serving(fake):
        source = PrometheusSource(PrometheusEndpoint(fake.url))

        async def measured(
            who: list[tuple[dict[str, str], str]], rates: list[tuple[dict[str, str], str]]
        ) -> list[float]:
            there = {"q": f"{PRESENT}/0", "__name__": "vllm:generation_tokens_total"}, "1"
            fake.vectors = {"timestamp(vllm": [*who, there], "generation_tokens": rates}
            m = await source.measure()
            assert [engine.pod for engine in m.engines] == sorted({labels["pod"] for labels, _ in who})
            assert all(0.0 <= age <= 60.0 for age in m.engine_table.ages)
            return list(m.engine_table.columns[Quantity.GENERATION_TOKENS])

        two = {"pod": "q", "instance": "10.0.0.2:8000"}
        address = {"instance": two["instance"]}
        assert await measured([stamp(3)], [tokens(5)]) == [5]
        assert await measured([stamp(4)], [tokens(6)]) == [6]
        assert await measured([stamp(5), stamp(1, **two)], [tokens(7), tokens(1, **address)]) == [7, 1]
        assert await measured([stamp(6), stamp(2, **two)], [tokens(8), tokens(2, **address)]) == [8, 2]
        assert await measured([stamp(2, **two)], [tokens(3, **address)]) == [3]
        # Two jobs scrape the one engine: the numbers of the one that saw it last count.
        both, rates = {"job": "again"}, [tokens(4, job="j"), tokens(9, job="again")]
        assert await measured([stamp(9), stamp(1, **both)], rates) == [9]
        assert await measured([stamp(1), stamp(9, **both)], rates) == [4]
        await source.close()


async def test_an_engine_that_grows_up_and_another_one_s_end_leave_what_series_mean_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []

    def counted(name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def making(*arguments: Any) -> Any:
            made.append(name)
            return make(*arguments)

        return making

    for name in ("EngineNumbers", "Gpus", "model_buckets", "engine_buckets"):
        monkeypatch.setattr(source_module, name, counted(name, getattr(source_module, name)))
    key = {name: LABELS[name] for name in ("instance", "model_name", "engine")}
    there = {"q": f"{PRESENT}/0", "__name__": "vllm:generation_tokens_total"}, "1"
    ended = {**LABELS, "pod": "gone", "instance": "10.0.0.9:8000", "q": GONE}, "1"
    fake = Fake()
    async with serving(fake), asking(PrometheusEndpoint(fake.url)) as source:

        async def measured(tokens: float, *more: tuple[dict[str, str], str]) -> float:
            fake.vectors = {
                "timestamp(vllm": [(SEEN, str(time.time() - 3)), there, *more],
                "generation_tokens_per_second": [({**key, "q": "generation_tokens_per_second"}, str(tokens))],
            }
            m = await source.measure({"llm/p"})
            return m.engine_table.columns[Quantity.GENERATION_TOKENS][0] if m.engine_table.columns else math.nan

        assert math.isnan(await measured(5, ({**LABELS, "q": YOUNG}, "1")))
        assert sorted(set(made)) == ["EngineNumbers", "Gpus", "engine_buckets", "model_buckets"]
        made.clear()
        assert await measured(6) == 6
        assert await measured(7, ended) == 7
        assert math.isnan(await measured(8, ({**LABELS, "q": YOUNG}, "1")))
        assert made == []
