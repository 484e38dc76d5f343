"""The longest files of tests are begun first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.order import LONGEST, READERS, TOGETHER, rank, whole


@pytest.mark.parametrize("file", LONGEST)
def test_each_of_the_longest_files_is_there(file: str) -> None:
    assert (Path(__file__).parent / file).is_file()


def test_files_stay_whole_and_the_others_keep_their_order() -> None:
    others = ["tests/themes/test_look.py::test_b", "tests/test_order.py::test_a[x::y]"]
    first, second = f"tests/{LONGEST[0]}", f"tests/{LONGEST[1]}"
    nodes = [others[0], f"{second}::test_b", f"{first}::test_b", others[1], f"{first}::test_a"]
    assert sorted(nodes, key=rank) == [f"{first}::test_b", f"{first}::test_a", f"{second}::test_b", *others]


def test_files_that_share_a_server_are_not_parted() -> None:
    (folder,) = TOGETHER
    assert len({whole(f"{folder}/{file}::test_a") for file in ("test_load.py", "test_try.py")}) == 1
    assert all(Path(file).is_file() for file in READERS)
    assert len({whole(f"{file}::test_a") for file in READERS}) == 1
    assert whole("tests/test_order.py::test_a[x::y]") == "tests/test_order.py"
