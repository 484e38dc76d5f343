"""What went wrong, in the one line that a screen has for it."""

from __future__ import annotations

import pytest

from console.failure import SessionError


@pytest.mark.parametrize(
    ("remedy", "line"),
    [
        ("", "no answer"),
        ("Is it still loading?", "no answer; is it still loading?"),
        ("A node is started with :up", "no answer; a node is started with :up"),
        ("HTTPS_PROXY may be wrong", "no answer; HTTPS_PROXY may be wrong"),
        ("`quarterdeck doctor` tells", "no answer; `quarterdeck doctor` tells"),
    ],
)
def test_the_remedy_goes_on_where_the_problem_ends(remedy: str, line: str) -> None:
    assert SessionError("no answer", remedy).in_a_line == line
