"""Names of servers."""

from __future__ import annotations

import pytest

from fleet.local.names import LONGEST, is_name, name_for


@pytest.mark.parametrize(
    ("model", "taken", "name"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", (), "llama-3.1-8b-instruct"),
        ("/models/tiny/", (), "tiny"),
        ("opt", ("opt",), "opt-2"),
        ("opt", ("opt", "opt-2", "opt-3"), "opt-4"),
        ("a b_c/Ünïcode", (), "n-code"),
        ("/", (), "vllm"),
        ("x" * 200, (), "x" * (LONGEST - 4)),
    ],
)
def test_a_name_is_made_of_the_model(model: str, taken: tuple[str, ...], name: str) -> None:
    assert name_for(model, taken) == name
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a/b", "../a", "a b", "é", "x" * 64])
def test_what_is_no_folder_is_no_name(name: str) -> None:
    assert not is_name(name)
