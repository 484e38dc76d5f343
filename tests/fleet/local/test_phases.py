"""Progress of a start, from the output of vLLM 0.6 to 0.32.

0.32-cpu is recorded. The others, of GPUs, are put together from the wording of vLLM's source and of public reports.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from fleet.local.phases import StageReader, read, stamp
from fleet.local.server import Phase, StartStage
from fleet.local.tail import Tail

LOGS = Path(__file__).with_name("logs") / "healthy"
HEALTHY = sorted(LOGS.glob("*.log"))
STARTING, DOWNLOADING, LOADING = Phase.STARTING, Phase.DOWNLOADING, Phase.LOADING
COMPILING, CAPTURING, READY, STOPPING = Phase.COMPILING, Phase.CAPTURING, Phase.READY, Phase.STOPPING
EXPECTED = {
    "0.6-v0": {
        LOADING: ("12-19 22:57:52", "read", 4),
        COMPILING: ("12-19 22:58:12", "measuring memory", 0),
        CAPTURING: ("12-19 22:58:14", "done", 35),
        READY: ("12-19 22:58:29", "", 0),
    },
    "0.8-v1-tp2": {
        DOWNLOADING: ("05-07 02:13:38", "the weights are here", 0),
        LOADING: ("05-07 02:14:02", "read", 2),
        COMPILING: ("05-07 02:14:14", "done", 0),
        CAPTURING: ("05-07 02:15:12", "done", 0),
        READY: ("05-07 02:15:13", "", 0),
    },
    "0.10-coloured": {
        LOADING: ("08-28 12:11:47", "read", 3),
        COMPILING: ("08-28 12:11:57", "measuring memory", 0),
        CAPTURING: ("08-28 12:12:02", "done", 35),
        READY: ("08-28 12:12:10", "", 0),
    },
    "0.19-tp2": {
        DOWNLOADING: ("05-06 20:59:05", "the weights are here", 9),
        LOADING: ("05-06 20:59:26", "read", 1),
        COMPILING: ("05-06 21:00:16", "measuring memory", 0),
        CAPTURING: ("05-06 21:01:31", "done", 35),
        READY: ("05-06 21:01:50", "", 0),
    },
    "0.32-cpu": {
        LOADING: ("11-21 08:27:19", "read", 1),
        COMPILING: ("11-21 08:27:20", "engine ready", 0),
        READY: ("11-21 08:27:28", "", 0),
    },
}
"""Phase → its start, its last message, the number of shards or graphs."""


def lines_of(path: Path) -> Iterator[str]:
    tail = Tail(path)
    while lines := tail.read():
        yield from lines


def started(lines: Iterable[str], at: float = 0.0) -> tuple[StartStage, ...]:
    """The stages of a start that began on the last new year's day and is read at ``at``."""
    reader = StageReader(unix("01-01 00:00:00"))
    for line in lines:
        reader.feed(line, at or unix("12-31 00:00:00"))
    return reader.stages


def unix(text: str) -> float:
    """Local time, as vLLM stamps it, in the year 2025."""
    return time.mktime(time.strptime(f"2025-{text}", "%Y-%m-%d %H:%M:%S"))


def test_every_log_has_its_expectation() -> None:
    assert {path.stem for path in HEALTHY} == EXPECTED.keys()


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_every_phase_of_a_start_is_seen_with_its_begin_its_detail_and_its_count(path: Path) -> None:
    first, *others = started(lines_of(path))
    assert first == StartStage(STARTING, unix("01-01 00:00:00"))
    expected = [
        StartStage(phase, unix(began), detail, count, count)
        for phase, (began, detail, count) in EXPECTED[path.stem].items()
    ]
    assert others == expected


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_a_start_never_goes_back_nor_counts_beyond_its_end(path: Path) -> None:
    reader = StageReader(unix("01-01 00:00:00"))
    order = list(Phase)
    for line in lines_of(path):
        before = reader.stages[-1]
        reader.feed(line, unix("12-31 00:00:00"))
        now = reader.stages[-1]
        assert order.index(now.phase) >= order.index(before.phase) or before.detail == ""
        assert 0 <= now.done <= now.total or now.total == 0
        assert now.began >= before.began


@pytest.mark.parametrize(
    "bar",
    [
        "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
        "Loading pt checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
        "Loading np_cache checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
        "Multi-thread loading shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
        "Multi-thread loading pt checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
        "Loading safetensors using Runai Model Streamer:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
        "(EngineCore_DP0 pid=9) Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]",
    ],
)
def test_shards_are_counted_by_every_loader(bar: str) -> None:
    assert started([bar])[-1] == StartStage(LOADING, unix("12-31 00:00:00"), "shard 2 of 4", 2, 4)


@pytest.mark.parametrize(
    "bar",
    [
        "Capturing CUDA graph shapes:  49%|████▊     | 17/35 [00:06<00:07,  2.51it/s]",
        "Capturing CUDA graphs:  49%|████▊     | 17/35 [00:06<00:07,  2.51it/s]",
        "Capturing CUDA graphs (mixed prefill-decode, PIECEWISE):  49%|████▊     | 17/35 [00:06<00:07,  2.51it/s]",
        "Capturing CUDA graphs (decode, FULL):  49%|████▊     | 17/35 [00:06<00:07,  2.51it/s]",
        "Capturing prefill CUDA graphs (FULL):  49%|████▊     | 17/35 [00:06<00:07,  2.51it/s]",
        "Capturing multi-module MTP CUDA graphs (FULL):  49%|████▊     | 17/35 [00:06<00:07,  2.51it/s]",
    ],
)
def test_graphs_are_counted_whatever_is_captured(bar: str) -> None:
    assert started([bar])[-1] == StartStage(CAPTURING, unix("12-31 00:00:00"), "graph 17 of 35", 17, 35)


def test_what_is_fetched_from_the_hub_is_a_download_though_it_began_to_load_before() -> None:
    text = "INFO 05-07 02:13:38 [gpu_model_runner.py:1329] Starting to load model org/qwen..."
    getting = "model-00001-of-00002.safetensors:  45%|████▌     | 2.24G/4.97G [00:10<00:12, 221MB/s]"
    assert started([text])[-1].phase is LOADING
    stages = started([text, getting])
    assert [stage.phase for stage in stages] == [STARTING, DOWNLOADING]
    assert stages[-1].detail == "model-00001-of-00002.safetensors 45 %"
    assert stages[-1].began == unix("05-07 02:13:38")
    # Another rank that begins waits for the same files.
    assert started([text, getting, text])[-1] == stages[-1]
    fetching = started([text, "Fetching 9 files:  56%|█████▌    | 5/9 [00:11<00:09,  2.30s/it]"])[-1]
    assert (fetching.phase, fetching.detail, fetching.done, fetching.total) == (DOWNLOADING, "file 5 of 9", 5, 9)


def test_the_files_of_a_drafter_do_not_lead_back_to_downloading() -> None:
    shards = "Loading safetensors checkpoint shards: 100% Completed | 4/4 [00:02<00:00,  1.02s/it]"
    getting = "model.safetensors:  45%|████▌     | 2.24G/4.97G [00:10<00:12, 221MB/s]"
    assert started([shards, getting])[-1].phase is LOADING


def test_a_slower_rank_does_not_lead_back() -> None:
    compiled = "(Worker_TP0 pid=7) INFO 05-06 21:00:22 [monitor.py:53] torch.compile took 9.61 s in total"
    late = "(Worker_TP1 pid=8) INFO 05-06 21:00:23 [default_loader.py:384] Loading weights took 24.84 seconds"
    assert started([compiled, late])[-1] == started([compiled])[-1]
    assert started([compiled])[-1].phase is COMPILING


def test_eager_starts_are_ready_without_graphs_and_those_that_are_told_to_end_say_so() -> None:
    lines = [
        "INFO 05-06 21:00:20 [core.py:283] init engine (profile, create kv cache, warmup model) took 9.08 seconds",
        "(APIServer pid=7) INFO:     Application startup complete.",
    ]
    assert [stage.phase for stage in started(lines)] == [STARTING, COMPILING, READY]
    for down in (
        "INFO:     Shutting down",
        "(APIServer pid=7) INFO:     Shutting down",
        "(APIServer pid=7) INFO 11-21 08:27:33 [launcher.py:254] [shutdown] API server: shutdown triggered",
    ):
        assert started([*lines, down])[-1].phase is STOPPING


@pytest.mark.parametrize(
    "line",
    [
        "",
        "INFO 12-19 22:57:40 api_server.py:644] args: Namespace(max_seq_len_to_capture=8192, load_format='auto')",
        '(APIServer pid=7) INFO:     127.0.0.1:42776 - "GET /health HTTP/1.1" 200 OK',
        "Processed prompts: 100%|██████████| 4/4 [00:02<00:00,  1.02s/it]",
        "INFO 05-06 21:01:31 [kv_cache_utils.py:1319] GPU KV cache size: 48,320 tokens",
        "x" * 1_000_000,
        "Loading " * 20_000,
        "Capturing " * 20_000,
    ],
    ids=lambda line: line[:30],
)
def test_other_lines_say_nothing_of_a_start(line: str) -> None:
    assert read(line) is None


def test_a_stamp_is_local_time_of_this_year_or_of_the_last_one() -> None:
    text = "(EngineCore pid=7) INFO 12-31 23:59:58 [core.py:1] that"
    assert stamp(text, unix("12-31 23:59:59")) == unix("12-31 23:59:58")
    new_year = unix("12-31 23:59:58") + 60
    assert stamp(text, new_year) == unix("12-31 23:59:58")


def test_a_line_without_a_time_or_with_an_impossible_one_counts_when_it_is_read() -> None:
    at = unix("06-01 00:00:00")
    assert stamp("INFO:     Application startup complete.", at) == at
    assert stamp("INFO 99-99 99:99:99 [core.py:1] that", at) == at
    assert stamp("INFO 06-01 00:00:07 [core.py:1] a clock that was set back", at) == at


def test_what_has_no_time_of_its_own_came_right_behind_what_has() -> None:
    lines = [
        "INFO 05-06 21:01:50 [api_server.py:580] Starting vLLM server on http://127.0.0.1:8000",
        "INFO:     Application startup complete.",
    ]
    assert started(lines)[-1] == StartStage(READY, unix("05-06 21:01:50"))
