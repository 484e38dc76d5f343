"""``quarterdeck timeline`` on a cluster that was changed by hand, compared with the list of changes."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.cli.dispatch import dispatch
from console.report.timeline import EntryPart, EvidencePart, GapPart, ObjectPart, TimelineDocument
from tests.console.cli import kubeconfig
from tests.fleet.timeline.past import GONE, two_days
from tests.simulator.api_process import Process, simulator

pytestmark = pytest.mark.real("kubectl", "prometheus", "promtool")

NO_PROMETHEUS = """\
quarterdeck: not available: deleted objects, and changes before the last, that no console saw
  there is no Prometheus to query
"""
EMBED = ("-n", "serving", "deployment/embed")
DONE = (
    ("scale", "-n", "batch", "deployment/summarize", "--replicas=1"),
    ("set", "image", *EMBED, "vllm=vllm/vllm-openai:v0.32.1"),
    ("cordon", "gpu-a100-1"),
    ("delete", "pod", "-n", "batch", "--wait=false", "POD"),
)


LAG = 15.0
"""Seconds."""


class Done:
    """An action with its earliest and latest time."""

    def __init__(self, fleet: Process) -> None:
        self.fleet = fleet
        self.at: list[tuple[float, float]] = []
        pods = json.loads(self.kubectl("get", "pods", "-n", "batch", "-o", "json"))["items"]
        self.pod = next(p["metadata"]["name"] for p in pods if p["metadata"]["name"].startswith("legacy"))
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]
        self.node = nodes[0]["metadata"]["name"]
        for arguments in DONE:
            named = [{"POD": self.pod, "gpu-a100-1": self.node}.get(word, word) for word in arguments]
            began = time.time()
            self.kubectl(*named)
            self.at.append((began, time.time()))
        # Its controller has made the new template then.
        revision = r"{.metadata.annotations.deployment\.kubernetes\.io/revision}"
        self.kubectl("wait", *EMBED, f"--for=jsonpath={revision}=3", "--timeout=50s")

    def kubectl(self, *arguments: str) -> str:
        command = ["kubectl", f"--kubeconfig={self.fleet.kubeconfig}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def done() -> Iterator[Done]:
    with simulator() as fleet:
        yield Done(fleet)


def run(done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    environ = {"KUBECONFIG": str(done.fleet.kubeconfig), "HOME": str(tmp_path)}
    try:
        code = dispatch("quarterdeck", ["timeline", *arguments], environ, tmp_path / "no-policy")
    except SystemExit as ended:
        code = int(ended.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def entries(done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = run(done, capsys, tmp_path, "--json", *arguments)
    assert (code, err) == (0, "" if "--prometheus" in arguments else NO_PROMETHEUS)
    document = json.loads(out)
    assert document["schema"] == "quarterdeck/timeline/v1"
    found: list[dict[str, Any]] = document["entries"]
    return found


def test_all_that_was_done_is_there_at_its_time_and_by_its_tool(
    done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = entries(done, capsys, tmp_path)
    wanted = (
        ("Deployment", "summarize", "spec.replicas set to 1", "kubectl"),
        ("Deployment", "embed", "image", "kubectl"),
        ("Node", done.node, "cordoned", "kubectl"),
        ("Pod", done.pod, "asked to stop", None),
    )
    for (kind, name, what, who), (began, ended) in zip(wanted, done.at, strict=True):
        those = [
            one
            for one in found
            if one["about"]["kind"] == kind and one["about"]["name"] == name and what in one["what"]
        ]
        assert those, (kind, name, what)
        # What the entry itself allows; on a machine that is too slow for it, the simulated fleet lags behind its clock.
        assert any(began - one["within"] - LAG <= one["at"] <= ended + 1 for one in those), (those, began, ended)
        if all(began - one["within"] - 1 <= one["at"] for one in those):
            # What was written, and what a controller made of it, are one entry only where the fleet does not lag.
            assert {one.get("who") for one in those} == {who}


def test_every_entry_names_its_evidence_and_they_are_in_order(
    done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = entries(done, capsys, tmp_path, "--since", "7d")
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)
    assert all(one["evidence"] and one["evidence"][0]["where"] for one in found)


def test_the_timeline_of_one_object_has_what_belongs_to_it_alone(
    done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = entries(done, capsys, tmp_path, "deploy/embed", "--since", "7d")
    assert found
    for one in found:
        objects = [one["about"], *one.get("belongs_to", [])]
        assert {"kind": "Deployment", "namespace": "serving", "name": "embed"} in objects


def test_as_text_a_line_for_each_and_what_changed_below(
    done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = run(done, capsys, tmp_path, "node/" + done.node)
    assert (code, err) == (0, NO_PROMETHEUS)
    assert f"node/{done.node}" in out
    assert "cordoned: accepts no new pods  by kubectl" in out


def test_an_object_that_nobody_knows_is_said_so(done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(done, capsys, tmp_path, "deploy/nothing")
    assert (code, out) == (1, "")
    assert "nothing is known to have happened to deploy/nothing" in err


def test_who_may_read_little_is_told_what_is_missing(
    done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, err = run(done, capsys, tmp_path, "--context", "demo-teamlead", "-n", "serving")
    assert code == 0
    assert "serving/" in out
    assert "batch/" not in out
    assert "not available: when nodes joined" in err
    assert "Argo CD" not in err, "of a kind that the cluster does not have nothing is missing"


def test_a_store_of_metrics_tells_of_what_is_gone(
    done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with two_days(tmp_path_factory.mktemp("past")) as store:
        config = tmp_path / "config.toml"
        config.write_text('[prometheus]\ncluster = "here"\n')
        flags = ("--since", "2d", "--prometheus", store.url, "--config", str(config))
        found = entries(done, capsys, tmp_path, "pod/" + GONE, *flags)
        # It also works without the API server, whose missing part is named once.
        environ = {"KUBECONFIG": str(kubeconfig(tmp_path, "http://127.0.0.1:9")), "HOME": str(tmp_path)}
        assert dispatch("quarterdeck", ["timeline", "pod/" + GONE, *flags], environ, tmp_path / "none") == 0
    out, err = capsys.readouterr()
    assert "pod gone" in out
    assert err.count("127.0.0.1:9") <= 2, err
    assert "not available: what the objects of the cluster tell" in err
    (gone,) = found
    assert gone["what"] == "pod gone"
    assert {"kind": "Deployment", "namespace": "llm", "name": "chat"} in gone["belongs_to"]


def test_read_only_tells_the_same(done: Done, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert entries(done, capsys, tmp_path, "--read-only", "--since", "2026-11-01")


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, "http://127.0.0.1:9")
    code = dispatch("quarterdeck", ["timeline"], {"KUBECONFIG": str(file), "HOME": str(tmp_path)}, tmp_path / "none")
    assert code == 3
    assert "127.0.0.1:9" in capsys.readouterr().err


def test_every_field_of_the_document_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "timeline.md").read_text(encoding="utf-8")
    document = text.partition("## `quarterdeck/timeline/v1`")[2]
    for part in (TimelineDocument, EntryPart, GapPart, EvidencePart, ObjectPart):
        for name, field in part.model_fields.items():
            assert f"`{field.alias or name}`" in document, f"{part.__name__}.{name}"
