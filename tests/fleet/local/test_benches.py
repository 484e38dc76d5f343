"""Stored benchmarks, compared with each other and with the fleet."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from fleet.local.benches import BENCHES, Bench, ConcurrencyLevel, from_json, read_benches, to_json
from fleet.local.comparison import MEASURED, RATES, FleetRow, against_fleet, compare, latest_comparable
from fleet.model.frame import Column, Frame
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot
from tests.fleets import make_snapshot

LEVEL = ConcurrencyLevel(1, 8, 0, 2.0, 4.0, 100.0, ttft_p95=0.2, itl_p95=0.01, e2e_p99=3.0)
BENCH = Bench("b2", "n1", "tiny", 200.0, 64, 16, (LEVEL, replace(LEVEL, concurrency=4)), "0.32.0", ("--dtype", "half"))


def then(**more: Any) -> Bench:
    return replace(BENCH, id="b1", at=100.0, **more)


def test_what_was_kept_is_read_newest_first(tmp_path: Path) -> None:
    lines = [orjson.dumps(to_json(bench)) for bench in (then(), BENCH)]
    junk = [b"", b"{", b"[]", b'{"id": "x"}', b"\xff\xfe"]
    (tmp_path / BENCHES).write_bytes(b"\n".join([lines[0], *junk, lines[1]]))
    assert read_benches(tmp_path) == (BENCH, then())
    assert read_benches(tmp_path / "nowhere") == ()


def test_a_field_of_a_later_version_is_no_reason_to_lose_a_line() -> None:
    assert from_json(to_json(BENCH) | {"weather": "fine"}) == BENCH
    with pytest.raises(ValueError, match="levels"):
        from_json(to_json(BENCH) | {"levels": 3})


def test_the_server_is_called_as_in_files_of_earlier_versions() -> None:
    document = to_json(BENCH)
    assert list(document)[:3] == ["id", "node", "model"]
    assert (document["node"], "server" in document) == ("n1", False)
    assert from_json({**document, "node": "n2"}).server == "n2"


def test_differences_are_ratios_of_the_levels_in_both() -> None:
    earlier = then(levels=(replace(LEVEL, output_rate=80.0, ttft_p95=0.1, itl_p95=None, e2e_p99=0.0),))
    comparison = compare(BENCH, earlier)
    assert comparison.circumstances == ()
    (difference,) = comparison.differences
    assert difference.concurrency == 1
    ratios = difference.ratios
    assert ratios["output_rate"] == pytest.approx(0.25)
    assert ratios["ttft_p95"] == pytest.approx(1.0)
    assert (ratios["itl_p95"], ratios["e2e_p99"], ratios["ttft_p50"]) == (None, None, None)
    assert set(ratios) == set(MEASURED)
    assert set(MEASURED) > RATES


@pytest.mark.parametrize(
    "change", [{"prompt_tokens": 65}, {"output_tokens": 17}, {"model": "big"}, {"tool": "guidellm"}], ids=str
)
def test_what_is_not_alike_is_not_compared(change: Mapping[str, Any]) -> None:
    assert latest_comparable(BENCH, [then()]) is not None
    assert latest_comparable(BENCH, [then(**change)]) is None


def test_another_version_and_other_arguments_are_told_and_compared() -> None:
    comparison = compare(BENCH, then(version="0.31.0", arguments=("--dtype", "float32")))
    assert comparison.circumstances == (
        "vLLM 0.31.0 then, 0.32.0 now",
        "other arguments: float32 then, half now",
    )
    assert len(comparison.differences) == 2


def test_the_latest_earlier_one_is_compared_with() -> None:
    older, newer = then(), replace(then(), id="b1b", at=150.0)
    later = replace(BENCH, id="b3", at=300.0)
    assert latest_comparable(BENCH, [later, BENCH, older, newer]) == newer
    assert latest_comparable(older, [BENCH, older]) is None


def fleet() -> tuple[Snapshot, str, str]:
    """A Snapshot, the key of one of its models, and its name."""
    snapshot = make_snapshot(workloads=2, pods_per=4)
    key, model = next(iter(snapshot.models.items()))
    return snapshot, key, model.name


def with_model(snapshot: Snapshot, key: str, state: State = State.FRESH, **values: float) -> Snapshot:
    columns = {MEASURED[name]: Column(array("d", [value])) for name, value in values.items()}
    return replace(snapshot, by_model=Frame.of((key,), columns, array("d", [1.0]), bytes([state])))


def test_the_fleet_stands_beside_a_level_pod_by_pod() -> None:
    snapshot, key, name = fleet()
    pods = [pod for workload in snapshot.models[key].workloads for pod in snapshot.pods_of[workload]]
    ready = sum(snapshot.pods[pod].ready for pod in pods)
    assert ready
    seen = with_model(snapshot, key, output_rate=50.0 * ready, ttft_p95=0.1, itl_p95=math.nan)
    row = next(row for row in against_fleet(LEVEL, seen, name) if row.model == key)
    assert row.pods == ready
    assert (row.values["output_rate"], row.values["ttft_p95"], row.values["itl_p95"]) == (50.0, 0.1, None)
    assert row.ratios["output_rate"] == pytest.approx(1.0)
    assert row.ratios["ttft_p95"] == pytest.approx(1.0)
    assert row.ratios["itl_p95"] is None


def test_what_is_stale_or_nobodys_or_ones_own_is_no_fleet() -> None:
    snapshot, key, name = fleet()
    (stale,) = _of(key, against_fleet(LEVEL, with_model(snapshot, key, State.STALE, ttft_p95=0.1), name))
    assert stale.values["ttft_p95"] is None
    assert against_fleet(LEVEL, snapshot, "another-model") == ()
    own = {snapshot.pods[snapshot.pods_of[snapshot.models[key].workloads[0]][0]].uid}
    assert _of(key, against_fleet(LEVEL, snapshot, name, own)) == []
    gone = {pod: replace(found, ready=False) for pod, found in snapshot.pods.items()}
    assert against_fleet(LEVEL, replace(snapshot, pods=gone), name) == ()


def _of(key: str, rows: tuple[FleetRow, ...]) -> list[FleetRow]:
    return [row for row in rows if row.model == key]
