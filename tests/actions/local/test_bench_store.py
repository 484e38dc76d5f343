"""Stored benchmarks, and the message if one cannot be stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actions.local.bench_store import KEPT, keep_bench
from fleet.local.benches import Bench, read_benches
from fleet.local.errors import LocalError
from tests.actions.local.bencher import a_level


def test_no_more_than_so_many_are_kept_and_half_a_line_spoils_no_other(tmp_path: Path) -> None:
    bench = Bench("b", "n1", "tiny", 0.0, 8, 8, (a_level(),))
    file = tmp_path / "benches.jsonl"
    keep_bench(tmp_path, bench)
    file.write_bytes(file.read_bytes() + b'{"id": "ha')
    keep_bench(tmp_path, replace(bench, at=1.0))
    assert [each.at for each in read_benches(tmp_path)] == [1.0, 0.0]
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(file.read_bytes().splitlines()[0] + b"\n")
    file.write_bytes(file.read_bytes() * KEPT)
    keep_bench(tmp_path, replace(bench, at=2.0))
    kept = read_benches(tmp_path)
    assert (len(kept), kept[0].at) == (KEPT, 2.0)
    assert [path.name for path in tmp_path.iterdir()] == ["benches.jsonl"]


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "benches.jsonl").mkdir()
    with pytest.raises(LocalError, match="cannot be written"):
        keep_bench(tmp_path, Bench("b", "n1", "tiny", 0.0, 8, 8, ()))
