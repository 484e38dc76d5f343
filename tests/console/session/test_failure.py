"""The one line in which a screen reports an error."""

from __future__ import annotations

import pytest

from console.session.failure import SessionError, in_words
from fleet.local.errors import LocalError
from fleet.sources.kube.errors import ClusterError, KubeconfigError, KubeError


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


@pytest.mark.parametrize("kind", [KubeError, KubeconfigError, LocalError])
def test_what_we_say_ourselves_is_shown_as_it_is(kind: type[ClusterError | LocalError]) -> None:
    error = in_words(kind("there is no node tiny", remedy=":local shows those there are"))
    assert (error.message, error.remedy) == ("there is no node tiny", ":local shows those there are")


def test_what_nobody_foresaw_is_called_a_defect() -> None:
    error = in_words(KeyError("x"))
    assert (error.message, error.remedy) == ("unexpected KeyError: 'x'", "please report this")
