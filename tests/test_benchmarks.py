"""The frame of the benchmarks: what there is, what is chosen, how a result is judged. Nothing here is timed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.benchmarks import __main__ as frame
from tests.benchmarks.processes import cpu_seconds, rss_mib
from tests.benchmarks.result import CannotMeasureError, Note, Report, Result, report_line
from tests.benchmarks.stage import fleet_server
from tests.benchmarks.terminal import NotShownError, on_terminal


def test_every_budget_has_its_benchmark() -> None:
    ids = {id_ for benchmark in frame.known() for id_ in benchmark.ids}
    assert ids == {f"B{number}" for number in range(1, 11)}


def test_what_does_not_exist_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["B11"]) == 2
    assert "no benchmark B11" in capsys.readouterr().err


def test_only_what_was_asked_for_is_run_and_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure() -> list[Report]:
        return [Result("B1", "one", (3.0, 1.0, 2.0), "ms", 2.0), Result("B2", "two", (1.0,), "ms")]

    def refuse() -> list[Report]:
        raise AssertionError("not asked for")

    benchmarks = [frame.Benchmark("a", ("B1", "B2"), measure), frame.Benchmark("b", ("B3",), refuse)]
    monkeypatch.setattr(frame, "known", lambda: benchmarks)
    assert frame.main(["B1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("B")] == [
        ["B1", "one", "2", "ms", "1–3", "≤", "2", "within"]
    ]


def test_one_that_cannot_measure_does_not_keep_the_others_from_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> list[Report]:
        raise CannotMeasureError("prometheus is not on the PATH")

    other = frame.Benchmark("b", ("B2",), lambda: [Note("B2", "was run")])
    monkeypatch.setattr(frame, "known", lambda: [frame.Benchmark("a", ("B1",), fail), other])
    assert frame.main([]) == 0
    printed = capsys.readouterr().out
    assert "B1   prometheus is not on the PATH" in printed
    assert "B2   was run" in printed


def test_the_median_is_judged() -> None:
    assert report_line(Result("B3", "x", (1.0, 9.0, 2.0), "×", 1.5)).endswith("misses")
    assert report_line(Result("B3", "x", (1.0, 9.0, 1.2), "×", 1.5)).endswith("within")


def test_a_program_on_a_terminal_is_timed_by_what_its_screen_shows() -> None:
    told = "import time; print('\\x1b[31mfir\\x1b[0mst'); time.sleep(0.2); print('then', flush=True); time.sleep(30)"
    with on_terminal([sys.executable, "-uc", told], {"TERM": "xterm"}) as terminal:
        first, then = terminal.first("first", 20), terminal.first("then", 20)
        assert then - first >= 0.15
        assert cpu_seconds(terminal.pid) > 0
        assert rss_mib(terminal.pid) > 1
        with pytest.raises(NotShownError, match="first"):
            terminal.first("never", 0.1)


def test_the_fleet_that_is_measured_is_the_one_that_is_served() -> None:
    with fleet_server(3) as fleet:
        command = [*fleet.console("snapshot", "--table", "--wait", "20")]
        shown = subprocess.run(command, env=fleet.environ, capture_output=True, text=True, timeout=60, check=False)
        assert fleet.scrapes() >= len(fleet.engines) == 3
    assert "chat-0" in shown.stdout, shown.stderr
    assert "3/3" in shown.stdout
