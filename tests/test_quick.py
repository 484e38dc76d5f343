"""`make quick` runs what stands nearest to a change, and counts what it leaves out."""

from __future__ import annotations

import pytest

from tests.order import LONGEST
from tests.quick import distances, module_of, nearest

IMPORTERS = {
    "fleet.net": ["fleet.source", "tests.fleet.test_net"],
    "fleet.source": ["console.app", "tests.fleet.test_source"],
    "console.app": ["tests.console.test_app"],
    "widgets.grid": ["tests.widgets.test_grid"],
    "tests.fleet.test_net": [],
    "tests.fleet.test_source": [],
    "tests.console.test_app": [],
    "tests.widgets.test_grid": [],
}
TESTS = [f"{module.replace('.', '/')}.py" for module in IMPORTERS if module.startswith("tests.")]


def test_the_distance_is_that_of_the_shortest_chain_of_imports() -> None:
    found = distances(IMPORTERS | {"tests.console.test_app": []}, ["fleet.net", "console.app"])
    assert found["tests.fleet.test_source"] == 2
    assert found["tests.console.test_app"] == 1
    assert "widgets.grid" not in found


def test_what_was_changed_itself_is_first_and_what_does_not_depend_on_it_is_left_out() -> None:
    changed = ["fleet/net.py", "tests/console/test_app.py", "docs/actions.md"]
    assert nearest(changed, IMPORTERS, TESTS) == [
        "tests/console/test_app.py",
        "tests/fleet/test_net.py",
        "tests/fleet/test_source.py",
    ]


@pytest.mark.parametrize("file", ["fleet/net.py", "tests/fleet/test_net.py"])
def test_what_starts_programs_is_last_unless_it_was_changed_itself(file: str) -> None:
    starting = IMPORTERS | {"tests.prefork": ["tests.fleet.test_net"]}
    tests = nearest([file, "fleet/source.py"], starting, TESTS)
    assert tests.index("tests/fleet/test_net.py") == (0 if file.startswith("tests/") else len(tests) - 1)


def test_what_is_among_the_longest_is_last() -> None:
    longest = f"tests/{LONGEST[-1]}"
    near = IMPORTERS | {"fleet.net": [*IMPORTERS["fleet.net"], module_of(longest)], module_of(longest): []}
    assert nearest(["fleet/net.py"], near, [*TESTS, longest])[-1] == longest


def test_what_reads_every_room_is_among_them_whatever_was_changed() -> None:
    assert nearest(["README.md"], IMPORTERS, [*TESTS, "tests/test_one_door.py"]) == ["tests/test_one_door.py"]


def test_a_package_is_changed_with_its_first_file() -> None:
    assert module_of("fleet/__init__.py") == "fleet"
    assert module_of("fleet/net.py") == "fleet.net"


def test_after_its_time_no_test_is_begun_and_those_left_out_are_counted(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where real parts are required a skip of theirs is a failure; these are none.
    monkeypatch.delenv("REQUIRE_REAL_PARTS", raising=False)
    pytester.makeconftest("from tests.conftest import pytest_addoption, pytest_runtest_setup  # noqa: F401")
    pytester.makepyfile("def test_a(): assert False\ndef test_b(): assert False\n")
    done = pytester.runpytest_subprocess("--seconds=0", "-rs", "-p", "no:cacheprovider")
    done.assert_outcomes(skipped=2)
    done.stdout.fnmatch_lines(["*left to make test: the time of make quick is over*"])
