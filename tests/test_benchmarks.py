"""The benchmarks work: what there is, what is chosen, how a result is judged, a trial of each. Nothing is timed."""

from __future__ import annotations

import math
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as frame
from tests.benchmarks import document, growth, memory, prometheus
from tests.benchmarks.effort import Effort
from tests.benchmarks.probe import Costs
from tests.benchmarks.processes import cpu_seconds, rss_mib
from tests.benchmarks.regression import exponent, median_slope, slope
from tests.benchmarks.result import CannotMeasureError, Note, Report, Result, report_line
from tests.benchmarks.several import ClusterCosts
from tests.benchmarks.sides import CoreWaits
from tests.benchmarks.stage import fleet_server
from tests.benchmarks.terminal import NotShownError, on_terminal

OF_PROMETHEUS = {"prometheus", "large"}


def test_every_budget_has_its_benchmark() -> None:
    ids = {id_ for benchmark in frame.known() for id_ in benchmark.ids}
    assert ids == {*(f"B{number}" for number in range(1, 11)), "causes", "demo", "idle", "memory", "record"}


def test_all_of_them_mean_to_take_ten_minutes_at_most() -> None:
    assert sum(benchmark.seconds(Effort()) for benchmark in frame.known()) <= 600


@pytest.mark.parametrize(
    "benchmark",
    [
        pytest.param(
            benchmark, id=benchmark.name, marks=[pytest.mark.real("prometheus")] * (benchmark.name in OF_PROMETHEUS)
        )
        for benchmark in frame.known()
    ],
)
def test_a_trial_measures_what_the_whole_does(benchmark: frame.Benchmark) -> None:
    reports = benchmark.run(Effort(trial=True, span=60.0))
    results = [report for report in reports if isinstance(report, Result)]
    assert {result.id for result in results} == set(benchmark.ids)
    assert all(math.isfinite(sample) for result in results for sample in result.samples)
    assert len({result.what for result in results}) == len(results)


def test_what_does_not_exist_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["B11"]) == 2
    assert "no benchmark B11" in capsys.readouterr().err


def _benchmark(name: str, ids: tuple[str, ...], run: Callable[[Effort], list[Report]]) -> frame.Benchmark:
    return frame.Benchmark(name, ids, lambda _: 60.0, run)


def test_only_what_was_asked_for_is_run_and_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(_: Effort) -> list[Report]:
        return [Result("B1", "one", (3.0, 1.0, 2.0), "ms", 2.0), Result("B2", "two", (1.0,), "ms")]

    def refuse(_: Effort) -> list[Report]:
        raise AssertionError("not asked for")

    benchmarks = [_benchmark("a", ("B1", "B2"), measure), _benchmark("b", ("B3",), refuse)]
    monkeypatch.setattr(frame, "known", lambda: benchmarks)
    assert frame.main(["B1", "--trial"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "planned: 60 s" in lines
    assert [line.split() for line in lines if line.startswith("B")] == [
        ["B1", "one", "2", "ms", "1–3", "≤", "2", "within"]
    ]


def test_one_that_cannot_measure_does_not_keep_the_others_from_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Effort) -> list[Report]:
        raise CannotMeasureError("prometheus is not on the PATH")

    other = _benchmark("b", ("B2",), lambda _: [Note("B2", "was run")])
    monkeypatch.setattr(frame, "known", lambda: [_benchmark("a", ("B1",), fail), other])
    assert frame.main(["--trial"]) == 0
    printed = capsys.readouterr().out
    assert "B1     prometheus is not on the PATH" in printed
    assert "B2     was run" in printed


def test_the_median_is_judged() -> None:
    assert report_line(Result("B3", "x", (1.0, 9.0, 2.0), "×", 1.5)).endswith("misses")
    assert report_line(Result("B3", "x", (1.0, 9.0, 1.2), "×", 1.5)).endswith("within")
    assert report_line(Result("B3", "x", (1.0, 9.0, 1.2), "×", 1.5, 1.2)).endswith("goal")
    assert report_line(Result("B3", "x", (1.0, 9.0, 1.2), "×", goal=1.1)).endswith("misses the goal")


def test_a_slope_is_as_sure_as_its_points() -> None:
    exact = slope([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0])
    assert exact == pytest.approx((2.0, 0.0))
    # By hand: residuals ∓0.3, ±0.9 …: s² = 1.8/2, Σ(x-x̄)² = 5, t(2) = 4.303.
    unsure = slope([0.0, 1.0, 2.0, 3.0], [0.0, 3.0, 3.0, 6.0])
    assert unsure == pytest.approx((1.8, 4.303 * math.sqrt(1.8 / 2 / 5)))
    assert slope([1.0, 2.0], [1.0, 3.0]) == (2.0, math.inf)
    with pytest.raises(ValueError, match="two different"):
        slope([1.0, 1.0], [1.0, 2.0])


def test_the_growth_of_memory_is_by_the_keys_and_not_by_what_a_scrape_has_at_the_moment() -> None:
    # 2 KiB a key are 7 MiB in an hour of keys; every fifth look meets a scrape.
    seen = [(6 * at, 100 + 6 * at / 512 + (8.0 if at % 5 == 0 else 0.0)) for at in range(20)]
    grown = next(one for one in memory.reports(seen, 300) if isinstance(one, Result) and one.budget is not None)
    low, middle, high = grown.samples
    assert middle == pytest.approx(3600 / 512)
    assert low <= middle <= high
    assert report_line(grown).endswith("misses")


@pytest.mark.real("prometheus")
def test_a_probe_takes_every_step_of_a_fleet() -> None:
    (costs,) = growth.of_size(3, 1, Effort(trial=True))
    taken = asdict(costs)
    assert set(taken) == {row.field for row in growth.ROWS}
    assert all(cost > 0 for cost in taken.values())


def test_a_probe_of_several_clusters_takes_every_step_of_all_of_them() -> None:
    (costs,) = growth.of_clusters(2, 3, 1, Effort(trial=True))
    taken = asdict(costs)
    assert set(taken) == {row.field for row in growth.ROWS_OF_CLUSTERS}
    assert all(cost > 0 for cost in taken.values())


def test_growth_is_a_table_with_the_exponents(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_size(pods: int, rounds: int, effort: Effort) -> list[Costs]:
        like_pods = Costs(**{row.field: float(pods) for row in growth.ROWS})
        return [replace(like_pods, unchanged=7.0, asked=None)] * rounds

    def of_clusters(clusters: int, pods: int, rounds: int, effort: Effort) -> list[ClusterCosts]:
        return [ClusterCosts(**{row.field: float(clusters * pods) for row in growth.ROWS_OF_CLUSTERS})] * rounds

    monkeypatch.setattr(growth, "of_size", of_size)
    monkeypatch.setattr(growth, "of_clusters", of_clusters)
    assert frame.main(["growth", "--pods", "100,1000,5000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "|  | 100 pods | 1,000 pods | 5,000 pods | exponent | range | 1,000 → 5,000 |" in lines
    assert "| first sync: CPU | 100 ms | 1000 ms | 5000 ms | 1.00 | 1.00 … 1.00 | 1.00 |" in lines
    assert "| tick, nothing changed: CPU | 7 ms | 7 ms | 7 ms | 0.00 | 0.00 … 0.00 | 0.00 |" in lines
    assert "| measurement through Prometheus: CPU | – | – | – | – | – | – |" in lines
    assert "|  | 1 cluster | 2 clusters | 4 clusters | exponent | range | 2 → 4 |" in lines
    assert "| resident set | 1000 MiB | 2000 MiB | 4000 MiB | 1.00 | 1.00 … 1.00 | 1.00 |" in lines
    assert frame.main(["growth", "--pods", "100"]) == 2


def test_a_quarter_of_the_points_may_be_far_off() -> None:
    line = [(float(at), 100.0 + 0.5 * at) for at in range(12)]
    found = median_slope([(x, y + 40.0 * (x in (2, 7, 11))) for x, y in line])
    assert found.value == pytest.approx(0.5)
    assert found.half_width < 5.0
    assert median_slope(line) == (0.5, 0.0)
    with pytest.raises(ValueError, match="three points"):
        median_slope(line[:2])


def test_the_wait_for_a_core_counts_from_the_moment_that_a_key_is_due() -> None:
    now, waited = iter((0.0, 1.0, 3.0, 3.0, 4.0)), iter((0.0, 0.25, 1.25, 1.25, 1.5))
    waits = CoreWaits(lambda: next(now), lambda: next(waited))
    for _ in range(4):
        waits.look()
    assert [waits.since(moment) for moment in (0.0, 1.0, 2.0, 3.0, 4.0)] == [1.5, 1.25, 0.75, 0.25, 0.0]


def test_what_does_not_grow_has_the_exponent_zero() -> None:
    sizes = [100.0, 1_000.0, 10_000.0]
    assert exponent(sizes, [7.0, 7.0, 7.0]) == pytest.approx(0.0)
    assert exponent(sizes, [3.0, 30.0, 300.0]) == pytest.approx(1.0)


def test_results_are_written_between_their_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    file.write_text("before\n<!-- results: begin, by make bench -->\nold\n<!-- results: end -->\nafter\n")
    reports: list[Report] = [Result("B3", "x", (1.0, 9.0, 2.0), "×", 1.5, 1.0), Note("B4", "no Prometheus")]
    document.write(file, "results", document.results(reports))
    text = file.read_text()
    assert text.startswith("before\n<!-- results: begin, by make bench -->\n\nMeasured ")
    assert text.endswith("\n\n<!-- results: end -->\nafter\n")
    assert "old" not in text
    assert "| B3 | x | 2 × | 1–9 | ≤ 1.5 | ≤ 1 | **misses** |" in text
    assert "- B4: no Prometheus" in text
    assert str(Path.home()) not in text
    with pytest.raises(document.NoPlaceError, match="growth"):
        document.write(file, "growth", [])
    document.write(file, "results", document.results(reports))
    assert file.read_text() == text


def test_a_program_on_a_terminal_is_timed_by_what_its_screen_shows() -> None:
    # What it writes later waits for a key: each text has a time of its own, however slowly it is read.
    text = "print('\\x1b[31mfir\\x1b[0mst'); input(); print('then'); input()"
    with on_terminal([sys.executable, "-uc", text], {"TERM": "xterm"}) as terminal:
        first = terminal.first("first", 20)
        terminal.type(b"\n")
        assert 0 < first < terminal.first("then", 20)
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


def test_a_fleet_too_large_for_one_process_is_served_by_several() -> None:
    with fleet_server(3, "--slim", "--per-process", "2") as fleet:
        assert len(set(fleet.engines)) == 3
        for url in fleet.urls:
            with urllib.request.urlopen(f"{url}/metrics", timeout=20) as page:  # noqa: S310 - loopback
                assert b"vllm:num_requests_running" in page.read()


def test_a_fleet_that_the_console_scraped_itself_is_said_to_be() -> None:
    marks = [prometheus.Mark(0.0, 10), prometheus.Mark(45.0, 14)]
    assert prometheus.scraped_itself(marks, 15) == []
    (note,) = prometheus.scraped_itself([marks[0], prometheus.Mark(45.0, 20)], 15)
    assert note.what == "Prometheus was too slow here: the engines were asked 10 times, by it 4 at most"
