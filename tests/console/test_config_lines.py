"""Line numbers of the keys of a TOML text."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.config.line_numbers import Path, locate


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("[one]\n\n[two]\na = 1", ("two", "a"), 4),
        ("[one]\nx.y = 1", ("one", "x", "y"), 2),
        ("[ 'o n' . \"two\" ]  # comment\nk=1", ("o n", "two", "k"), 2),
        ("a = { b = 1, c = { d = 2 }, e = [ { f = 1 } ], g = 3 }", ("a", "g"), 1),
        ("\n# a = 1\na = '#'\nb = 1", ("b",), 4),
        ('a = """\n[no]\nb = 1\n"""\nb = 2', ("b",), 5),
        ("a = '''\nb = \"\"\" ''' # '''\nc = 1", ("c",), 3),
        ('a = [\n  "]", # ]\n  "x",\n]\nb = 1', ("b",), 5),
        ('"a\\"b" = 1\nc = 1', ("c",), 2),
        ('[a."x\\u001b[31m"]\nb = 1', ("a", "x\x1b[31m", "b"), 2),
    ],
)
def test_a_key_is_found_on_its_line(text: str, path: Path, line: int) -> None:
    tomllib.loads(text)
    assert locate(text)[path] == line


def test_what_is_inside_strings_and_arrays_is_no_key() -> None:
    assert set(locate('a = """\nx = 1\n"""\nb = [\n  "y = 1",\n]')) == {("a",), ("b",)}


KEYS = st.sampled_from(["a", "b-1", "c_d", '"q t"', "'l.m'"])
VALUES = st.sampled_from(
    ["1", "true", '"x # y"', "'='", '["a", 1]', "[\n 1,\n]", '"""\n[z]\n"""', "{ i = 1 }", "2026-01-01"]
)


@given(st.lists(st.tuples(KEYS, st.dictionaries(KEYS, VALUES, max_size=4)), max_size=4, unique_by=lambda t: t[0]))
def test_every_key_that_tomllib_sees_has_the_line_it_was_written_on(tables: list[tuple[str, dict[str, str]]]) -> None:
    text = "".join(f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in body.items()) for name, body in tables)
    lines = locate(text)
    source = text.splitlines()
    for path in _paths(tomllib.loads(text)):
        assert path[-1] in source[lines[path] - 1]


def _paths(document: dict[str, Any], above: Path = ()) -> Iterator[Path]:
    for name, value in document.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))
