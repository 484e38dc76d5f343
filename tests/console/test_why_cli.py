"""``quarterdeck why`` on a simulated fleet: the report, the document, and names that nothing has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.dispatch import dispatch
from tests.simulator.api_process import Process, simulator


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
    # Without a store the present is told all the same, and why the past is not.
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
