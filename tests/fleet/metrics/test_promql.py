"""Joined parts of a query: no series is counted twice, and none is lost."""

from __future__ import annotations

from fleet.metrics.promql import joined, tagged


def test_parts_with_different_tags_are_told_apart_by_the_tag_alone() -> None:
    assert joined([tagged("a", "x"), tagged("b", "y")]) == (
        'label_replace(x,"q","a","","") or on(q) label_replace(y,"q","b","","")'
    )


def test_parts_that_may_have_series_in_common_are_compared_by_all_labels() -> None:
    same = joined([tagged("a", "x"), tagged("a", "y")])
    assert same == 'label_replace(x,"q","a","","") or label_replace(y,"q","a","","")'
    assert joined(["x", "y"]) == "x or y"
    assert joined(["x", tagged("a", "z"), "y"]) == 'x or y or on(q) label_replace(z,"q","a","","")'
    assert joined([*"vwxyz"]) == "((v or w) or (x)) or (y or z)"
