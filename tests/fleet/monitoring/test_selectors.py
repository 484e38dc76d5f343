"""The selectors that PromQL has in it, and nothing that only looks like one."""

from __future__ import annotations

import pytest

from fleet.monitoring.selectors import read


@pytest.mark.parametrize(
    ("expression", "selectors"),
    [
        ("up", ["up"]),
        ("up == 0", ["up"]),
        ('up{job="a b",x!~"c|d"} == 0', ['up{job="a b",x!~"c|d"}']),
        ("sum by (pod, le) (rate(x_bucket[5m])) > 1e-3", ["x_bucket"]),
        ("sum(rate(x_total[5m30s])) by (namespace)", ["x_total"]),
        ("histogram_quantile(0.99, sum without (pod) (rate(a:b_bucket{m='l'}[5m])))", ['a:b_bucket{m="l"}']),
        ("a / on (pod) group_left (node) b", ["a", "b"]),
        ("a and ignoring(x) b unless c", ["a", "b", "c"]),
        ("count(a) or vector(0)", ["a"]),
        ("a offset 1h > bool b @ end()", ["a", "b"]),
        ("max_over_time(a[1h:5m])", ["a"]),
        ('{__name__="a",x="1"}', ['a{x="1"}']),
        ('{__name__=~"a.*"}', ['{__name__=~"a.*"}']),
        ('{"odd.name", x="1"}', ['{__name__="odd.name",x="1"}']),
        ("absent(a) or absent_over_time(b[5m]) or c", ["c"]),
        ("absent(sum(a)) > 0 and b", ["b"]),
        ("a # and b\n+ c", ["a", "c"]),
        (r'a{x="q\"}uo\\te"}', [r'a{x="q\"}uo\\te"}']),
        ("topk(3, a) + topk by (x) (2, b)", ["a", "b"]),
        ("sum", ["sum"]),
        ("-Inf < a * NaN", ["a"]),
        ("0x1F + a", ["a"]),
        ("a + a", ["a"]),
        ("time() - timestamp(a)", ["a"]),
        ("", []),
        ("((((", []),
        ('a{x="', ['a{x=""}']),
        ("}{", ["{}"]),
    ],
)
def test_selectors(expression: str, selectors: list[str]) -> None:
    assert [str(one) for one in read(expression).selectors] == selectors


@pytest.mark.parametrize(("expression", "has"), [("a or b", True), ("a unless b", True), ("a and b", False)])
def test_alternatives(expression: str, *, has: bool) -> None:
    assert read(expression).alternatives is has
