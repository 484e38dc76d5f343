"""``quarterdeck why`` on a simulated fleet: the report, the document, and names that nothing has."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.cli.dispatch import dispatch
from console.report.sheets.sheet import to_csv
from console.report.sheets.why import why_sheet
from fleet.latency.hung_replicas import HungReplica
from fleet.latency.report import latency_report
from fleet.latency.separation import Division, Separation
from fleet.latency.slowness import MEASURES
from fleet.model.snapshot import Cluster, Snapshot
from tests.simulator.api_process import Process, simulator
from themes.glyphs import UNICODE


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "12", "--seed", "7") as process:
        yield process


def why(arguments: list[str], home: Path) -> int:
    return dispatch("quarterdeck", ["why", *arguments], {"HOME": str(home)}, home / "no-policy")


def test_it_says_where_the_time_of_a_workload_goes(
    fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why(["deploy/chat-8b", "--kubeconfig", str(fleet.kubeconfig)], tmp_path) == 0
    out, err = capsys.readouterr()
    assert "why slow: chat-8b" in out
    assert "decode takes" in out
    assert "replicas serving the same" in out
    # Without a store the present is still shown, with the reason why the past is not.
    assert "the past is not known: no metrics store answers here" in err


def test_the_document_has_every_number(fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(["chat-8b", "--json", "--kubeconfig", str(fleet.kubeconfig)], tmp_path) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["key"]) == ("quarterdeck/why/v1", "serving/Deployment/chat-8b")
    (now,) = document["breakdowns"]
    assert now["total"] == pytest.approx(now["queue"] + now["prefill"] + now["decode"])
    assert {one["measure"] for one in document["separations"]} >= {"time per generated token", "time in the queue"}


def test_a_name_that_nothing_has_is_refused(fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert why(["chatt-8b", "--kubeconfig", str(fleet.kubeconfig)], tmp_path) == 2
    assert "did you mean chat-8b" in capsys.readouterr().err


def test_for_programs_it_is_the_replicas_that_are_slow(
    fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why(["chat-8b", "-o", "csv", "--kubeconfig", str(fleet.kubeconfig)], tmp_path) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert why(["chat-8b", "-o", "yaml", "--kubeconfig", str(fleet.kubeconfig)], tmp_path) == 0
    assert "schema: quarterdeck/why/v1" in capsys.readouterr().out
    assert all(row["unit"] and float(row["value"]) > float(row["median"]) for row in rows)


def test_a_slow_replica_is_a_row_with_what_such_have_in_common() -> None:
    values = {"serving/chat-a": 0.04, "serving/chat-b": 0.09}
    division = Division(("node gpu-3",), frozenset({"serving/chat-b"}), 1, 0.01)
    slow = Separation(MEASURES[0], values, frozenset({"serving/chat-b"}), (division,))
    snapshot = Snapshot(1, 0.0, Cluster(), window=60.0)
    report = replace(latency_report(snapshot, "serving/Deployment/chat"), separations=(slow,))
    sheet = why_sheet(snapshot, report, UNICODE)
    (row,) = csv.DictReader(io.StringIO(to_csv(sheet)))
    assert (row["pod"], row["value"], row["in_common"]) == ("serving/chat-b", "0.09", "node gpu-3")
    assert [one.name for one in sheet.rows] == ["pod/chat-b"], "as drain takes it"


def test_a_replica_that_hangs_is_the_first_row_though_no_measure_tells_of_it() -> None:
    slow = Separation(MEASURES[0], {"serving/chat-b": 0.09}, frozenset({"serving/chat-b"}), ())
    snapshot = Snapshot(1, 0.0, Cluster(), window=60.0)
    found = latency_report(snapshot, "serving/Deployment/chat")
    report = replace(found, separations=(slow,), hung=(HungReplica("serving/chat-a", 65.0),))
    sheet = why_sheet(snapshot, report, UNICODE)
    first = next(csv.DictReader(io.StringIO(to_csv(sheet))))
    assert (first["measure"], first["value"], first["unit"]) == ("requests without a token", "65.0", "requests")
    assert [one.name for one in sheet.rows] == ["pod/chat-a", "pod/chat-b"], "the one to drain comes first"
