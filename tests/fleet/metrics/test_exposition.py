"""The needed-lines parser against what was written, and against what goes wrong in the field."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.metrics.exposition import Exposition, ExpositionParser, Layouts
from fleet.model.problem import SourceProblem
from tests.fleet.metrics.pages import V0_33, Load, vllm

NAMES = frozenset({b"a", b"b_total", b"c_bucket"})


def read(body: str, names: frozenset[bytes] = NAMES) -> Exposition:
    return ExpositionParser(names).parse(body.encode())


def pairs(exposition: Exposition) -> list[tuple[str, dict[str, str], float]]:
    return [(s.name, s.labels, v) for s, v in zip(exposition.series, exposition.values, strict=True)]


label_values = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
label_names = st.sampled_from(["x", "y", "le", "model_name"])
numbers = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6).map(float)
labelled = st.dictionaries(label_names, label_values, max_size=3)
sample_names = st.sampled_from(["a", "b_total", "c_bucket", "other", "a_created", "vllm:zzz"])
samples = st.lists(st.tuples(sample_names, labelled, numbers), min_size=1, max_size=15)


def written(name: str, labels: dict[str, str], value: float, spaced: bool) -> str:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    gap = " " if spaced else ""
    inside = f",{gap}".join(f'{k}{gap}={gap}"{escaped(v)}"' for k, v in labels.items())
    number = "+Inf" if value == math.inf else "-Inf" if value == -math.inf else repr(value)
    return f"{name}{{{inside}}} {number}" if labels else f"{name} {number}"


def oracle(all_samples: list[tuple[str, dict[str, str], float]]) -> list[tuple[str, dict[str, str], float]]:
    """Return the samples that a reader of all samples keeps: the needed names, the first of equal series."""
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    kept = []
    for name, labels, value in all_samples:
        key = (name, frozenset(labels.items()))
        if name.encode() in NAMES and key not in seen:
            seen.add(key)
            kept.append((name, labels, value))
    return kept


@settings(max_examples=150, deadline=None)
@given(samples, st.booleans(), st.lists(numbers, min_size=15, max_size=15))
def test_it_reads_what_was_written_twice(
    first: list[tuple[str, dict[str, str], float]], spaced: bool, later: list[float]
) -> None:
    parser = ExpositionParser(NAMES)
    for content in (first, [(name, labels, value) for (name, labels, _), value in zip(first, later, strict=False)]):
        lines = ["# HELP a Some \\n help.", "# TYPE a gauge", *(written(*sample, spaced) for sample in content), ""]
        body = "\n".join(lines)
        assert pairs(parser.parse(body.encode())) == oracle(content)


def test_the_layout_is_remembered_and_its_series_are_the_same_object() -> None:
    parser = ExpositionParser(NAMES)
    one = parser.parse(b'a{x="1"} 1\nzzz 5\nb_total 2\n')
    two = parser.parse(b'a{x="1"} 3\nzzz 6\nb_total 4e1\n')
    assert two.series is one.series
    assert two.values == [3.0, 40.0]
    assert parser.full_passes == 1


@pytest.mark.parametrize(
    "changed",
    [
        b'a{x="2"} 7\nzzz 6\nb_total 4\n',
        b'a{x="1"} 7\nb_total 4\nzzz 6\n',
        b'a{x="1"} 7\nzzz 6\nb_total 4\nc_bucket{le="1"} 9\n',
        b'a{x="1"} 7\nb_total 4\n',
        b'a{x="1"} 7 1700000000000\nzzz 6\nb_total 4\n',
        b'a{x="1"} oops\nzzz 6\nb_total 4\n',
        b"7\nzzz 6\nb_total 4\n",
        b'a{x="1"} 7\nzzz 6\n4\n',
        b'a{x="1"} 7\nzzz 6\nb_total 4\nb_total{x="new"} 1',
    ],
)
def test_a_changed_layout_is_read_anew(changed: bytes) -> None:
    parser = ExpositionParser(NAMES)
    parser.parse(b'a{x="1"} 1\nzzz 5\nb_total 2\n')
    assert pairs(parser.parse(changed)) == pairs(ExpositionParser(NAMES).parse(changed))
    assert parser.full_passes == 2


def test_the_labels_that_a_page_repeats_are_kept_once() -> None:
    card = '{gpu="0",UUID="GPU-1"}'
    other = '{gpu="1",UUID="GPU-2"}'
    page = f"DCGM_FI_DEV_GPU_TEMP{card} 61\nDCGM_FI_DEV_FB_USED{card} 7\nDCGM_FI_DEV_FB_FREE{other} 8\n"
    names = frozenset(name.encode() for name in ("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"))
    temperature, used, free = ExpositionParser(names).parse(page.encode()).series
    assert temperature.labels is used.labels
    assert free.labels == {"gpu": "1", "UUID": "GPU-2"}


def test_targets_share_their_layouts() -> None:
    shared = Layouts()
    one, two, other = (ExpositionParser(NAMES, shared) for _ in range(3))
    series = one.parse(b'a{x="1"} 1\nzzz 5\n').series
    assert other.parse(b'a{x="2"} 1\nzzz 5\n').series is not series
    assert two.parse(b'a{x="1"} 8\nzzz 6\n').series is series
    assert [parser.full_passes for parser in (one, two, other)] == [1, 0, 1]


def test_not_a_number_and_infinities() -> None:
    values = read("a NaN\nb_total +Inf\nc_bucket -Inf\n").values
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


def test_label_values_may_hold_anything() -> None:
    exposition = read('a{x="br}ace # 1 \\"quoted\\" \\\\ new\\nline, y=\\"2\\"",y=""} 4\n')
    assert pairs(exposition) == [("a", {"x": 'br}ace # 1 "quoted" \\ new\nline, y="2"'}, 4.0)]


def test_open_metrics_exemplars_timestamps_and_the_end_mark() -> None:
    exposition = read(
        '# TYPE c histogram\nc_bucket{le="1.0"} 17 # {trace_id="o{HA}"} 0.67 1520879607.789\n'
        "b_total 5 1520872607.5\n# EOF\n"
    )
    assert exposition.values == [17.0, 5.0]
    assert exposition.oldest == 1520872607.5


def test_timestamps_of_the_text_format_are_milliseconds() -> None:
    assert read("a 5 1520872607500\nb_total 1 1520872600000\n").oldest == 1520872600.0


def test_garbage_is_skipped_and_counted() -> None:
    exposition = read(
        '!!!\na{x="1"} 1\na{x=1} 2\nb_total\nb_total{x="unterminated} 3\n{"utf.8"} 4\nb_total 1_000\n\x00\n'
    )
    assert pairs(exposition) == [("a", {"x": "1"}, 1.0)]
    assert exposition.skipped == 6


def test_of_two_equal_series_the_first_counts() -> None:
    parser = ExpositionParser(NAMES)
    for value in (1.0, 2.0):
        exposition = parser.parse(f'a{{x="1",y="2"}} {value}\na{{y="2",x="1"}} 9\n'.encode())
        assert exposition.values == [value]
        assert exposition.duplicates == 1


def test_lines_may_end_in_carriage_return() -> None:
    parser = ExpositionParser(NAMES)
    assert parser.parse(b"a 1\r\nb_total 2\r\n").values == [1.0, 2.0]
    assert parser.parse(b"a 3\r\nb_total 4\r\n").values == [3.0, 4.0]
    assert parser.parse(b"a 5 1732788000000\r\nb_total 6 1732788000000 \r\n").values == [5.0, 6.0]


def test_a_cut_number_is_not_a_smaller_number() -> None:
    parser = ExpositionParser(NAMES)
    assert parser.parse(b"a 1234\nb_total 5678\n").values == [1234.0, 5678.0]
    assert parser.parse(b"a 1235\nb_total 56", whole=False).values == [1235.0]
    assert parser.parse(b"a 1235\nb_total 56", whole=True).values == [1235.0, 56.0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        ('{"error": "no"}', "JSON"),
        ("", "empty"),
        ("\n\n", "empty"),
        ("%&/()\n", "not metrics"),
    ],
)
def test_what_is_no_exposition_is_called_what_it_is(body: str, words: str) -> None:
    with pytest.raises(SourceProblem, match=words):
        read(body)


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_make_it_fail_otherwise(body: bytes, whole: bool) -> None:
    parser = ExpositionParser(NAMES)
    parser.parse(b'a{x="1"} 1\nb_total 2\n')
    for hostile in (body, b'a{x="1"} 1\n' + body, b"a" + body, b'b_total{x="' + body):
        try:
            exposition = parser.parse(hostile, whole=whole)
        except SourceProblem:
            continue
        assert len(exposition.series) == len(exposition.values)


def test_a_monstrous_line_is_garbage() -> None:
    labels = ",".join(f'l{i}="x"' for i in range(20000))
    exposition = read(f"a{{{labels}}} 1\nb_total 2\n")
    assert (exposition.values, exposition.skipped) == ([2.0], 1)


def test_an_exposition_of_something_else_has_no_needed_series() -> None:
    assert read("node_load1 0.5\n").series == ()


NEEDED = frozenset({b"vllm:num_requests_running", b"vllm:generation_tokens_total"})


def test_a_large_page_is_read_like_a_small_one() -> None:
    page = vllm(V0_33, {"0": Load()}).encode()
    noise = b"".join(b'other_metric{a="%d",b="%s"} 1\n' % (i, b"x" * 80) for i in range(50_000))
    small, large = (ExpositionParser(NEEDED).parse(body) for body in (page, noise + page + noise))
    assert [(s.name, s.labels) for s in large.series] == [(s.name, s.labels) for s in small.series]
    assert large.values == small.values


def test_the_next_large_page_is_read_the_fast_way() -> None:
    noise = b"".join(b'other_metric{a="%d",b="%s"} 1\n' % (i, b"x" * 80) for i in range(50_000))
    parser = ExpositionParser(NEEDED)
    for load in (Load(), Load(running=7)):
        last = parser.parse(noise + vllm(V0_33, {"0": load}).encode())
    assert parser.full_passes == 1
    assert 7.0 in last.values


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"a\n" * 3_000_000, "more than 1,000,000 lines"),
        (b"\n" * 5_000_000, "more than 1,000,000 lines"),
        (
            b"".join(b'vllm:num_requests_running{model_name="m%d"} 1\n' % i for i in range(60_000)),
            "more than 50,000 series",
        ),
        (
            b"".join(b'vllm:num_requests_running{model_name="m%d%s"} 1\n' % (i, b"x" * 60) for i in range(60_000)),
            "more than 50,000 series",
        ),
    ],
    ids=["lines", "newlines", "series", "series of a large page"],
)
def test_a_page_that_would_become_many_objects_is_refused(body: bytes, what: str) -> None:
    with pytest.raises(SourceProblem, match=what):
        ExpositionParser(NEEDED).parse(body)


def test_a_large_page_that_is_something_else_is_said_to_be() -> None:
    with pytest.raises(SourceProblem, match="web page"):
        ExpositionParser(NEEDED).parse(b"<html>" + b" " * 5_000_000)
