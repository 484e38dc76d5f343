"""B10: the first sync of five thousand pods, against a reader that lists them raw and keeps what orjson makes of it."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.benchmarks.effort import Effort
from tests.benchmarks.result import Report, Result, ratios
from tests.benchmarks.stage import ROOT

IDS = ("B10",)
PODS = 5_000
TIMEOUT = 180.0
_BUILD, _READ = 3.0, 4.0
"""Seconds that the server takes to make its pods, and a reader from its start to its end: for the plan."""


def seconds(effort: Effort) -> float:
    return _BUILD + effort.rounds() * 2 * _READ


def run(effort: Effort) -> list[Report]:
    """Both in turns, each time in a fresh process."""
    pods = effort.pods(PODS)
    command = [
        sys.executable,
        "-m",
        "tests.fleet.sources.kube.measure_sync",
        "--pods",
        str(pods),
        "--rounds",
        str(effort.rounds()),
    ]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=TIMEOUT).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    seen = {
        (reader, what): tuple(float(line[what]) for line in lines if line.get("reader") == reader)
        for reader in ("plain", "source")
        for what in ("seconds", "rss_growth_mib", "peak_growth_mib", "longest_turn_ms", "longest_turn_cpu_ms", "cpu_s")
    }
    times = ratios(seen["source", "seconds"], seen["plain", "seconds"])
    cpu = ratios(seen["source", "cpu_s"], seen["plain", "cpu_s"])
    return [
        Result("B10", f"first sync of {pods} pods: raw list and orjson", seen["plain", "seconds"], "s"),
        Result("B10", f"first sync of {pods} pods: quarterdeck", seen["source", "seconds"], "s"),
        Result("B10", "first sync, time: quarterdeck / raw list and orjson", times, "×", 1.2),
        Result("B10", "first sync, CPU: quarterdeck / raw list and orjson", cpu, "×"),
        Result("B10", "first sync, resident set after it", seen["source", "rss_growth_mib"], "MiB", 60),
        Result("B10", "first sync, peak of the resident set", seen["source", "peak_growth_mib"], "MiB"),
        Result("B10", "first sync, longest turn of the event loop", seen["source", "longest_turn_ms"], "ms", 50),
        Result("B10", "first sync, CPU of the turn that used most of it", seen["source", "longest_turn_cpu_ms"], "ms"),
    ]
