"""An engine with a garbage answer loses its own numbers, and no others."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.metrics.binding import MOST_ENGINES
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.metrics.pages import V0_33, Card, Load, dcgm, vllm
from tests.fleet.metrics.rig import EPOCH, Rig
from tests.fleet.rows import deployment, kube, pod

FIRST = vllm(V0_33, {"0": Load(generation=5000)})
NEXT = vllm(
    V0_33, {"0": Load(generation=5100, prompt=2000.0, latencies=(9, 18, 30, 6, 3, 2, 1), finished={"stop": 50.0})}
)
LINES = NEXT.splitlines() + dcgm([Card(pod="bad")]).splitlines()

WORKLOAD = "serving/Deployment/chat"

NUMBERS = st.sampled_from(
    ("NaN", "+Inf", "-Inf", "-1", "1e308", "-1e308", "1e400", "9.2e18", "0", "1_000", "0x10", "", "٣", "1 2 3", "nan{")
)
LABELS = st.sampled_from(
    ('le="-Inf"', 'le="NaN"', 'le="+Inf"', 'engine="7"', 'model_name=""', 'model_name="a\\nb\x1b[31m"', 'x="\\"', "=")
)


@st.composite
def garbage(draw: st.DrawFn) -> bytes:
    """A page that began as one of an engine and its GPU."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        match draw(st.integers(0, 5)):
            case 0:
                lines[at] = f"{line.rpartition(' ')[0]} {draw(NUMBERS)}"
            case 1:
                name, brace, rest = line.partition("{")
                lines[at] = f"{name}{brace}{draw(LABELS)},{rest}"
            case 2:
                lines[at] = line[: draw(st.integers(0, len(line)))]
            case 3:
                lines.insert(draw(st.integers(0, len(lines))), line)
            case 4:
                lines[at] = f"{line} {draw(NUMBERS)}"
            case _:
                del lines[at]
        lines = lines or [""]
    return "\n".join(lines).encode() + draw(st.sampled_from((b"\n", b"", b"\x00", b"\xff\xfe", b"\r\n")))


async def observed(pages: list[str]) -> Snapshot:
    """The Snapshot of a healthy pod and of one that gives these pages in turn."""
    rig = Rig()
    for number, page in enumerate(pages):
        found = await rig.tick({"good": NEXT if number else FIRST, "bad": page})
    state = kube([pod("good"), pod("bad")], deployment(desired=2))
    named = replace(
        found,
        engines=tuple(e._replace(namespace="serving") for e in found.engines),
        histograms={
            family: {group._replace(namespace="serving"): h for group, h in groups.items()}
            for family, groups in found.histograms.items()
        },
    )
    return Builder().build(state, named, (), EPOCH + rig.now)


def reasonable(snapshot: Snapshot) -> bool:
    frames = (snapshot.by_engine, snapshot.by_pod, snapshot.by_workload, snapshot.by_model, snapshot.by_gpu)
    columns = [column.values for frame in frames for column in frame.columns.values()]
    return all(math.isnan(value) or 0.0 <= value < math.inf for values in columns for value in values)


@given(garbage(), garbage())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_an_engine_answers_numbers_are_numbers_and_the_others_keep_theirs(one: bytes, two: bytes) -> None:
    pages = [FIRST, one.decode("utf-8", "surrogateescape"), two.decode("utf-8", "surrogateescape")]
    snapshot = asyncio.run(observed([page.encode("utf-8", "replace").decode() for page in pages]))
    assert reasonable(snapshot)
    assert snapshot.by_pod.value("serving/good", Quantity.RUNNING) == 3
    assert snapshot.by_pod.value("serving/good", Quantity.GENERATION_TOKENS) == pytest.approx(100 / 10)
    assert math.isfinite(snapshot.by_pod.value("serving/good", Quantity.TTFT_P95))


def with_gauge(name: str, number: str) -> str:
    lines = NEXT.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"vllm:{name}{{"))
    lines[at] = f"{lines[at].rpartition(' ')[0]} {number}"
    return "\n".join((*lines, ""))


@pytest.mark.parametrize("number", ["1e308", "-2", "NaN", "+Inf", "-Inf", "9.3e18"])
async def test_a_gauge_that_cannot_be_is_missing_and_not_in_the_sum(number: str) -> None:
    snapshot = await observed([FIRST, with_gauge("num_requests_waiting", number)])
    assert math.isnan(snapshot.by_pod.value("serving/bad", Quantity.WAITING))
    assert snapshot.by_workload.value(WORKLOAD, Quantity.WAITING) == 2


@pytest.mark.parametrize("number", ["NaN", "+Inf", "-Inf", "1e308", "-5"])
async def test_broken_buckets_of_one_engine_leave_the_workload_its_percentiles(number: str) -> None:
    lines = [
        f"{line.rpartition(' ')[0]} {number}" if line.startswith("vllm:time_to_first_token_seconds_bucket") else line
        for line in NEXT.splitlines()
    ]
    snapshot = await observed([FIRST, "\n".join((*lines, ""))])
    alone = await observed([FIRST, NEXT.replace("vllm:time_to_first_token", "vllm:something_else")])
    assert math.isnan(snapshot.by_pod.value("serving/bad", Quantity.TTFT_P95))
    found = snapshot.by_workload.value(WORKLOAD, Quantity.TTFT_P95)
    assert found == alone.by_workload.value(WORKLOAD, Quantity.TTFT_P95)
    assert math.isfinite(found)
    assert math.isfinite(snapshot.by_pod.value("serving/bad", Quantity.ITL_P95))


async def test_a_page_that_speaks_for_a_whole_fleet_is_no_engine() -> None:
    page = "".join(f'vllm:num_requests_running{{model_name="m{i}",engine="0"}} 1\n' for i in range(MOST_ENGINES + 1))
    rig = Rig()
    found = await rig.tick({"gateway": page, "good": FIRST})
    assert [e.pod for e in found.engines] == ["good"]
    assert found.unreachable == {"llm/gateway": f"answers the metrics of {MOST_ENGINES + 1} engines"}


async def test_a_pod_whose_engine_answers_nothing_of_use_is_unknown_and_not_well() -> None:
    snapshot = await observed(["<html>login</html>", "<html>login</html>"])
    assert snapshot.assessments["serving/bad"].severity is Severity.UNKNOWN
    assert snapshot.assessments["serving/good"].severity is Severity.OK
