"""Containers that ended of something they wrote: the cause is that, with the line; the loop is its symptom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.causes.endings import ENDINGS, OF_POD
from fleet.diagnosis.incidents.evidence import explain
from fleet.metrics.registry import ENGINES
from fleet.metrics.server_logs import reason_in
from fleet.model.ending import LINE, Ending, Endings, last_words, printable
from fleet.model.facts import Dated, Facts
from fleet.model.log_reasons import REASONS
from fleet.model.log_wording import LogWording
from fleet.model.objects import Container
from tests import toys
from tests.fleet.diagnosis.fleets import CHAT, COOL, Fleet, Q, causes, unready
from tests.fleet.rows import NOW, pod

CUDA = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has 79.18 GiB"
NCCL = "ncclSystemError: NCCL error: unhandled system error"
LOOP = Container(
    "vllm", "vllm:1", restarts=4, state="waiting", reason="CrashLoopBackOff", last_reason="Error", last_exit_code=1
)


def loop(message: str = "", **more: object) -> dict[str, object]:
    container = replace(LOOP, last_message=message, **more)  # type: ignore[arg-type]
    return unready(NOW - 30, status="CrashLoopBackOff", restarts=4, containers=(container,))


def test_every_reason_that_a_log_gives_is_a_cause_of_a_pod() -> None:
    assert {row.id for row in REASONS} == OF_POD.keys()
    assert len({one.id for one in ENDINGS}) == len(REASONS)


def test_what_the_kubelet_has_kept_of_its_log_is_the_root_of_the_loop() -> None:
    fleet = Fleet()
    fleet.of("chat-1", **loop(f"INFO 06-01 10:00:00 starts\n{CUDA}\n"))
    (found,) = (snapshot := fleet.at(0)).incidents
    assert (found.root.cause, found.about) == ("cuda-out-of-memory", "serving/chat-1")
    assert "crash-loop" in {one.cause for one in found.findings}
    explanation = explain(snapshot, found.root)
    assert CUDA in explanation.evidence[0].text
    assert {"previous", "rollback"} <= {one.command for one in explanation.helps}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "INFO 06-01 10:00:00 CUDA out of memory is what we avoid",
        "it was nice here",
        # A broken driver, or no GPU at all: it does not say which.
        "CUDA driver initialization failed",
    ],
)
def test_a_loop_that_leaves_no_word_of_it_is_a_loop(message: str) -> None:
    fleet = Fleet()
    fleet.of("chat-1", **loop(message))
    assert causes(fleet.incidents(0)) == ["crash-loop"]


def test_a_word_of_an_end_that_it_is_well_again_of_says_nothing() -> None:
    fleet = Fleet()
    ready = replace(LOOP, state="running", reason="", ready=True, started=True, last_message=CUDA)
    fleet.of("chat-1", status="Running", restarts=4, containers=(ready,))
    assert fleet.incidents(0, 60) == ()


def test_replicas_that_end_of_two_things_are_two_incidents() -> None:
    fleet = Fleet(4)
    fleet.of("chat-1", **loop(CUDA))
    fleet.of("chat-2", **loop("vllm: error: unrecognized arguments: --max-modle-len 4096"))
    assert set(causes(fleet.incidents(0))) == {"cuda-out-of-memory", "engine-arguments-wrong"}


def test_replicas_that_end_of_one_thing_are_one_incident() -> None:
    fleet = Fleet(4)
    fleet.of("chat-1", **loop(CUDA))
    fleet.of("chat-2", **loop(CUDA))
    (found,) = fleet.incidents(0)
    assert (found.root.cause, found.about) == ("cuda-out-of-memory", CHAT)


def test_a_replica_that_leaves_no_word_follows_from_one_that_ended_alike() -> None:
    fleet = Fleet(4)
    fleet.of("chat-1", **loop(CUDA))
    fleet.of("chat-2", **loop())
    (found,) = fleet.incidents(0)
    assert found.root.cause == "cuda-out-of-memory"
    assert {one.key for one in found.symptoms if one.cause == "crash-loop"} == {"serving/chat-1", "serving/chat-2"}


@pytest.mark.parametrize(
    "other",
    [loop(last_exit_code=137), loop(name="exporter"), loop() | {"labels": {"pod-template-hash": "7c4e"}}],
    ids=["exit code", "container", "revision"],
)
def test_a_replica_that_ended_otherwise_is_an_incident_of_its_own(other: dict[str, object]) -> None:
    fleet = Fleet(4)
    fleet.of("chat-1", **loop(CUDA))
    fleet.of("chat-2", **other)
    assert set(causes(fleet.incidents(0))) == {"cuda-out-of-memory", "crash-loop"}


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (NCCL, "gpu-communication-failed"),
        ("RuntimeError: No CUDA GPUs are available", "no-gpu-in-pod"),
        ("RuntimeError: CUDA error: invalid device ordinal", "too-few-gpus"),
    ],
)
def test_a_crash_on_a_gpu_that_is_lost_follows_from_the_gpu(words: str, cause: str) -> None:
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-1", **loop(words))
    (found,) = fleet.incidents(0)
    assert found.root.cause == "gpu-lost"
    assert cause in {one.cause for one in found.findings}


def test_a_program_s_error_on_a_gpu_takes_no_gpu_away() -> None:
    fleet = Fleet()
    fleet.gpus["chat-1"] = COOL | {Q.XID: 31.0}
    fleet.of("chat-1", **loop("RuntimeError: No CUDA GPUs are available"))
    assert "no-gpu-in-pod" in causes(fleet.incidents(0))


def test_a_log_that_was_read_says_it_of_that_end_and_of_no_other() -> None:
    crashed = pod("chat-1", uid="u1", containers=(LOOP,))
    read = Facts({"crash-logs": Dated(NOW, Endings((Ending("u1", "vllm", 4, "cuda-oom", CUDA),)))})
    words = last_words(crashed, read, reason_in)
    assert words is not None
    assert (words.reason, words.line, words.where) == ("cuda-oom", CUDA, "the end of its log")
    again = replace(crashed, containers=(replace(LOOP, restarts=5),))
    assert last_words(again, read, reason_in) is None
    assert last_words(replace(crashed, uid="u2"), read, reason_in) is None


def test_words_of_a_request_that_was_refused_are_no_reason_for_an_end_after_it_served() -> None:
    served = "INFO:     Application startup complete.\nValueError: prompt is too long\nSegmentation fault (core dumped)"
    assert reason_in(served)[0] == "segfault"


def test_a_line_of_a_stranger_is_quoted_short_and_moves_no_cursor() -> None:
    shown = printable("\x1b[2Jaway\u202e" + "x" * 1000)
    assert len(shown) <= LINE
    assert shown.isprintable()


def test_an_engine_words_its_end_in_its_dialect_and_is_not_called_another() -> None:
    line = "duck: the pond is too small for what it is to keep"
    worded = replace(toys.ENGINE, log=LogWording(reasons={"no-kv-room": "pond is too small"}))
    assert reason_in(line) == ("", "")
    with ENGINES.adding(worded):
        assert reason_in(line) == ("no-kv-room", line)
        fleet = Fleet()
        fleet.of("chat-1", **loop("launch_duck.py: error: unrecognized arguments: --feathers 4"))
        (found,) = fleet.incidents(0)
    assert found.root.cause == "engine-arguments-wrong"
    assert "vLLM" not in found.sentence
