"""An anchor kept elsewhere reveals that chain and head were rewritten together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from actions.audit.anchor import Anchor, read_anchors
from actions.audit.chain import verify
from actions.audit.opened_logs import open_folder
from actions.audit.reading import read_log
from actions.event_note import note
from actions.request import Target
from console.main import main
from tests.actions.audit.logs import filled, intent, log_in

IMAGE = "vllm@sha256:" + "ab" * 32


def anchored(folder: Path, anchor: str) -> bool:
    (one,) = open_folder(folder, read_anchors(anchor)).anchored
    return one.place is not None


def test_what_append_returns_is_in_the_log_from_then_on(tmp_path: Path) -> None:
    log = filled(tmp_path, 1)
    anchor = log.append("intent", "a2", intent())
    assert anchor.startswith("6:")
    for _ in range(3):
        assert anchored(tmp_path, anchor)
        assert anchored(tmp_path, anchor.partition(":")[2])
        log.append("step", "a2", {"text": "on"})
    wrong = f"7:{anchor.partition(':')[2]}"
    assert not anchored(tmp_path, wrong)


def test_a_log_that_was_put_back_is_intact_and_lacks_the_anchor(tmp_path: Path) -> None:
    folder, copy = tmp_path / "audit", tmp_path / "copy"
    log = filled(folder, 1)
    shutil.copytree(folder, copy)
    anchor = log.append("intent", "a2", intent())
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    assert verify(read_log(folder)).intact
    found = open_folder(folder, read_anchors(anchor))
    assert not found.intact


def test_a_log_that_was_written_anew_is_intact_and_lacks_the_anchor(tmp_path: Path) -> None:
    anchor = filled(tmp_path / "one", 1).append("intent", "a2", intent())
    log = filled(tmp_path / "two", 1)
    log.append("intent", "a2", intent(reason="INC-8"))
    assert verify(read_log(tmp_path / "two")).intact
    assert not anchored(tmp_path / "two", anchor)
    assert not anchored(tmp_path / "gone", anchor)


def test_anchors_are_found_in_events_in_a_terminals_output_and_in_a_head(tmp_path: Path) -> None:
    log = filled(tmp_path / "audit", 1)
    anchor = log.append("intent", "a2", intent())
    target = Target("Deployment", "serving", "chat-70b", "uid-1")
    event = note("scale", target, "Scale chat-70b to 6", "mia", "INC-7 " + "x" * 2000, 1.0, anchor)
    assert event.body["message"].endswith(f"(audit log at {anchor})")
    assert len(event.body["message"]) == 1024
    file = tmp_path / "events.json"
    file.write_text(json.dumps({"items": [event.body, {"message": f"pulled {IMAGE}"}]}))
    wanted = (Anchor(anchor.partition(":")[2], 6),)
    assert read_anchors(str(file)) == wanted
    file.write_text(f"3. Wait\nquarterdeck: audit log at {anchor}\n")
    assert read_anchors(str(file)) == wanted
    assert read_anchors(str(tmp_path / "audit" / "head.json")) == wanted
    file.write_text(f"{anchor.partition(':')[2]}\n")
    assert read_anchors(str(file)) == (Anchor(wanted[0].digest),)


def test_no_secret_of_the_reason_is_in_the_event() -> None:
    target = Target("Deployment", "serving", "chat-70b", "uid-1")
    event = note("scale", target, "Scale", "mia", "INC-7 DB_PASS=hunter2xyz", 1.0)
    assert "hunter2xyz" not in event.body["message"]
    assert "INC-7" in event.body["message"]


def test_verify_says_where_each_anchor_is_and_fails_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anchor = filled(tmp_path / "audit", 1).append("intent", "a2", intent())
    here = ["audit", "verify", "--dir", str(tmp_path / "audit"), "--anchor"]
    assert main([*here, anchor]) == 0
    assert f"{anchor} is in {tmp_path / 'audit'}" in capsys.readouterr().out
    other = f"6:{'0' * 64}"
    assert main([*here, other, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["anchors"] == [{"anchor": other, "contained": False, "log": None}]
    assert not document["intact"]
    (tmp_path / "none.txt").write_text(IMAGE)
    assert main([*here, str(tmp_path / "none.txt")]) == 2
    assert "it contains no digest of an audit log" in capsys.readouterr().err
    assert main([*here, str(tmp_path / "missing")]) == 2
    assert main(["audit", "show", "--dir", str(tmp_path / "audit"), "--anchor", anchor]) == 2
    assert "--anchor works only with verify" in capsys.readouterr().err


def test_the_anchor_of_an_empty_log_is_none(tmp_path: Path) -> None:
    log_in(tmp_path).check()
    assert not anchored(tmp_path, "0" * 64)
