"""``quarterdeck ticket`` on a simulated fleet: Markdown, the document, and names that nothing has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.dispatch import dispatch
from tests.simulator.api_process import Process, simulator


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "12", "--seed", "7", "--scenario", "gpu-fault") as process:
        yield process


def written(arguments: list[str], fleet: Process, home: Path) -> int:
    words = ["ticket", *arguments, "--kubeconfig", str(fleet.kubeconfig)]
    return dispatch("quarterdeck", words, {"HOME": str(home)}, home / "no-policy")


def test_all_that_is_wrong_is_markdown_on_stdout(
    fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert written([], fleet, tmp_path) == 0
    out = capsys.readouterr().out
    assert "XID 79" in out.splitlines()[0]
    for title in ("## What is wrong", "## Numbers", "## What changed before", "## Who acted", "## Sources"):
        assert f"\n{title}\n" in out, title
    assert "kubectl --context " in out
    assert not list(tmp_path.rglob("*.md")), "the shell decides where it goes"


def test_one_object_is_the_document_for_programs(
    fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert written(["deploy/chat-8b", "-o", "json", "--read-only"], fleet, tmp_path) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "quarterdeck/ticket/v1"
    assert document["objects"][0]["key"] == "serving/Deployment/chat-8b"
    assert document["objects"][0]["numbers"]
    assert document["cluster"]["read_only"] is True
    # An incident is named by its key.
    assert written(["-o", "json"], fleet, tmp_path) == 0
    key = json.loads(capsys.readouterr().out)["incidents"][0]["key"]
    assert written([key, "--json"], fleet, tmp_path) == 0
    assert [one["key"] for one in json.loads(capsys.readouterr().out)["incidents"]] == [key]


def test_a_name_that_nothing_has_is_refused(fleet: Process, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert written(["chatt-8b"], fleet, tmp_path) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "did you mean chat-8b" in err
