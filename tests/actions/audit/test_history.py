"""Actions reconstructed from records: what was intended, sent, answered, and what is unknown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.audit.chain import verify
from actions.audit.history import ActionState, RecordedAction, history, unfinished
from actions.audit.line import seal
from actions.audit.log import AuditLog
from actions.audit.opened_logs import open_folder
from actions.audit.query import AuditQuery
from actions.audit.reading import read_log, records
from actions.audit.who import Who
from actions.audit.words import Tone, chain_text, everything, moment, opened_text, summary
from tests.actions.audit.logs import EVENT, NOW, PATCH, WHO, answered, filled, intent, log_in, only_file
from tests.ending import ending

HERE = replace(WHO, host=Who.of_this_process("", ()).host)


def dead(process: Mapping[str, Any], host: str) -> bool:
    """Every process has ended."""
    return False


def summary_text(action: RecordedAction) -> str:
    return "\n".join(f"{fact.label}: {fact.text}" for fact in summary(action))


def only(folder: Path, alive: Any = dead) -> RecordedAction:
    [action] = history(records(read_log(folder)), alive)
    return action


def test_a_finished_action_is_told_from_beginning_to_end(tmp_path: Path) -> None:
    filled(tmp_path / "audit", 1)
    action = only(tmp_path / "audit")
    assert (action.state, action.outcome, action.intent.kind, action.intent.reason) == (
        ActionState.ENDED,
        "converged",
        "scale",
        "INC-7",
    )
    assert (action.began, action.ended, action.person) == (NOW, NOW + 4, "oncall@corp")
    assert action.intent.target_name == "serving/Deployment/chat-70b"
    assert summary_text(action) == (
        "who: oncall@corp, mia on laptop, from 10.1.2.3 port 51000\n"
        "where: prod-eu1 (production) · serving/Deployment/chat-70b\n"
        "reason: INC-7\n"
        "change: replicas 4 → 6\n"
        "sent: PATCH /apis/apps/v1/namespaces/serving/deployments/chat-70b/scale: "
        "200, resourceVersion 42, audit id aud-1\n"
        "result: converged at 2026-09-21 14:13:24Z: 6 of 6 replicas are ready\n"
        "effect: requests waiting 31 → 2, TTFT p95 2.50 s → 0.40 s, errors 1.0% → –\n"
        "undo: scale back to 4"
    )
    full = "\n".join(f"{fact.label}: {fact.text}" for fact in everything(action))
    for part in (
        "confirmed: typed chat-70b",
        "identity: oncall@corp · sre",
        "server: https://eu1",
        "checks: warn: autoscaler: an HPA would undo it; its minimum",
        "steps: Set replicas to 6\n: Wait",
        "?fieldManager=quarterdeck\n",
        '{"spec": {"replicas": 6}}',
        "progress: 2026-09-21 14:13:23Z 6 of 6",
        '{"kind": "scale", "replicas": 4}',
    ):
        assert part in full


def cut_after(folder: Path, events: int) -> RecordedAction:
    """An action of which only so many records were written."""
    log = log_in(folder)
    content = [
        ("intent", intent()),
        ("sending", PATCH),
        ("answered", answered()),
        ("sending", EVENT),
        ("answered", answered(403, error="events is forbidden")),
    ]
    for event, record in content[:events]:
        log.append(event, "a1", record)
    return only(folder)


def test_cut_off_before_anything_was_sent(tmp_path: Path) -> None:
    action = cut_after(tmp_path / "audit", 1)
    assert (action.state, action.sent, len(action.unsent)) == (ActionState.CUT_OFF, (), 2)
    text = summary_text(action)
    assert f"sent: PATCH {PATCH['path']}: not sent\n: POST {EVENT['path']}: not sent" in text
    assert "interrupted: its process ended at or after 2026-09-21 14:13:20Z, before it recorded a result" in text
    assert "nothing had been sent by then: the cluster is unchanged" in text


def test_cut_off_between_a_request_and_its_answer(tmp_path: Path) -> None:
    action = cut_after(tmp_path / "audit", 2)
    assert [(sent.method, sent.unknown, sent.done) for sent in action.sent] == [("PATCH", True, False)]
    text = summary_text(action)
    assert f"PATCH {PATCH['path']}: no answer is recorded: whether the server did it is not known" in text
    assert f"POST {EVENT['path']}: not sent" in text
    assert "1 sent, 0 answered, 1 unknown" in text
    assert Tone.UNKNOWN in {fact.tone for fact in summary(action)}


def test_cut_off_after_the_answer(tmp_path: Path) -> None:
    action = cut_after(tmp_path / "audit", 3)
    assert [(sent.status, sent.unknown) for sent in action.sent] == [(200, False)]
    assert [planned["path"] for planned in action.unsent] == [EVENT["path"]]
    assert "1 sent, 1 answered, 0 unknown; what the cluster did since is not in the log" in summary_text(action)


def test_a_refusal_is_an_answer(tmp_path: Path) -> None:
    action = cut_after(tmp_path / "audit", 5)
    assert [(sent.status, sent.unknown, sent.done) for sent in action.sent] == [(200, False, True), (403, False, False)]
    assert f"POST {EVENT['path']}: 403, events is forbidden" in summary_text(action)


def test_an_error_without_an_answer_of_the_server_leaves_it_unknown(tmp_path: Path) -> None:
    log = log_in(tmp_path / "audit")
    log.append("intent", "a1", intent())
    log.append("sending", "a1", PATCH)
    log.append("answered", "a1", {"status": 0, "error": "connection reset"})
    log.append("result", "a1", {"result": "failed", "text": "connection reset"})
    [sent] = only(tmp_path / "audit").sent
    assert sent.unknown
    assert "no answer (connection reset): whether the server did it is not known" in summary_text(
        only(tmp_path / "audit")
    )


def test_unfinished_are_those_that_nobody_finishes_or_has_looked_at(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)
    for name in ("b1", "c1"):
        log.append("intent", name, intent(id=name))
    assert [action.id for action in unfinished(folder, dead)] == ["b1", "c1"]
    log.append("reviewed", "b1", {})
    assert [action.id for action in unfinished(folder, dead)] == ["c1"]
    assert unfinished(folder, lambda *_: True) == []
    assert unfinished(folder, lambda *_: None) == []
    assert unfinished(tmp_path / "none") == []


WRITER = """
import sys
from pathlib import Path
from actions.audit.log import AuditLog
from actions.audit.who import Who
AuditLog(Path(sys.argv[1]), Who.of_this_process("me", ())).append("intent", "a1", {"title": "Scale x to 6"})
print("written", flush=True)
sys.stdin.readline()
"""


def test_what_another_console_still_does_is_not_cut_off_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    command = [sys.executable, "-c", WRITER, str(folder)]
    with ending(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        assert unfinished(folder) == []
        [action] = open_folder(folder).actions
        assert action.state is ActionState.UNDER_WAY
        process.send_signal(signal.SIGKILL)
        # Not reaped: a zombie is in the process table, but no longer runs.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        [action] = unfinished(folder)
        assert (action.title, action.state) == ("Scale x to 6", ActionState.CUT_OFF)


def test_a_process_id_that_was_given_again_is_another_process(tmp_path: Path) -> None:
    log = log_in(tmp_path / "audit", who=HERE)
    log.append("intent", "a1", intent())
    [record] = records(read_log(tmp_path / "audit"))
    assert record.process["pid"] == os.getpid()
    [mine] = history([record])
    assert mine.state is ActionState.UNDER_WAY
    [others] = history([replace(record, process={**record.process, "ticks": 1})])
    assert others.state is ActionState.CUT_OFF


def test_another_machine_is_out_of_sight(tmp_path: Path) -> None:
    log_in(tmp_path / "audit", who=replace(WHO, host="elsewhere")).append("intent", "a1", intent())
    [action] = open_folder(tmp_path / "audit").actions
    assert action.state is ActionState.OUT_OF_SIGHT
    assert "it was started on elsewhere, check there" in summary_text(action)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"target": "x", "scope": 3, "changes": {}, "requests": "no", "undo": [], "checks": [1], "steps": None},
        {"title": None, "changes": [{}], "blast": [None], "requests": [{}]},
    ],
)
def test_records_of_another_shape_are_shown_as_far_as_they_go(tmp_path: Path, content: dict[str, Any]) -> None:
    log = log_in(tmp_path / "audit")
    log.append("intent", "a1", content)
    log.append("answered", "a1", {"status": "x"})
    log.append("sending", "a1", {"query": 3})
    log.append("answered", "a1", {"status": None})
    log.append("result", "a1", {"before": 1, "after": {"waiting": "x"}})
    action = only(tmp_path / "audit")
    assert summary(action)
    assert everything(action)
    assert action.title == "a1"


@pytest.mark.parametrize("wrong", [{"at": 10**400}, {"seq": 1 << 63}, {"process": {"pid": 1 << 40}}])
def test_numbers_that_no_clock_and_no_system_has_do_not_hide_what_else_was_written(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    """Somebody else's log in a shared folder may say anything."""
    AuditLog(tmp_path, HERE, clock=lambda: NOW).append("intent", "a1", intent())
    file = only_file(tmp_path)
    line = file.read_bytes().rstrip()
    document = {name: value for name, value in json.loads(line).items() if name != "hash"}
    file.write_bytes(line + b"\n" + seal(document | {"action": "a2"} | wrong) + b"\n")
    assert "a1" in [action.id for action in history(records(read_log(tmp_path)))]
    assert not verify(read_log(tmp_path)).intact


def test_an_edited_log_is_shown_all_the_same(tmp_path: Path) -> None:
    filled(tmp_path / "audit", 2)
    file = only_file(tmp_path / "audit")
    file.write_bytes(file.read_bytes().replace(b"INC-7", b"INC-9", 1))
    log = open_folder(tmp_path / "audit")
    assert [action.intent.reason for action in log.actions] == ["INC-9", "INC-7"]
    [fact] = chain_text(log.chains[0].verdict)
    assert fact.tone is Tone.BAD
    assert fact.text.startswith(f"BROKEN at {file}:1: changed")


def test_the_state_of_the_chain_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    assert opened_text(open_folder(folder))[0].text == "nothing is recorded yet"
    filled(folder, 1)
    assert opened_text(open_folder(folder))[0].text == "intact, 5 records, since 2026-09-21 14:13:20Z"
    with only_file(folder).open("ab") as file:
        file.write(b'{"action":"x')
    assert opened_text(open_folder(folder))[1].text == (
        f"{only_file(folder)}:6: a write was interrupted here, 12 bytes of it (not yet marked, the next record will)"
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditQuery(), ["a1", "b1"]),
        (AuditQuery(person="BOB"), ["b1"]),
        (AuditQuery(person="mia"), ["a1"]),
        (AuditQuery(person="10.1.*"), ["a1"]),
        (AuditQuery(target="llama"), ["b1"]),
        (AuditQuery(target="*/deployment/chat*"), ["a1"]),
        (AuditQuery(target="uid-1"), ["a1", "b1"]),
        (AuditQuery(action="drain"), ["b1"]),
        (AuditQuery(action="a1"), ["a1"]),
        (AuditQuery(since=NOW + 5), ["b1"]),
        (AuditQuery(since=NOW + 4), ["a1", "b1"]),
        (AuditQuery(until=NOW + 4), ["a1"]),
        (AuditQuery(person="bob", action="scale"), []),
    ],
)
def test_filters_by_time_person_target_and_action(tmp_path: Path, wanted: AuditQuery, found: list[str]) -> None:
    folder = tmp_path / "audit"
    filled(folder, 1)
    who = Who("bob@corp", (), "bob", "desk", "")
    AuditLog(folder, who, clock=lambda: NOW + 5).append("intent", "b1", intent("llama", kind="drain"))
    assert [action.id for action in open_folder(folder).select(wanted)] == found


def test_a_moment_is_in_utc() -> None:
    assert moment(NOW) == "2026-09-21 14:13:20Z"


def test_what_was_done_on_this_machine_is_told_in_its_own_words(tmp_path: Path) -> None:
    """A record from a version that called a server a node, and wrote a status for a missing answer."""
    target = {"kind": "LocalNode", "namespace": "local", "name": "tiny", "uid": "f00"}
    sent = {"step": 0, "method": "START", "path": "/opt/vllm serve", "query": {}, "body": {"node": "tiny"}}
    log = log_in(tmp_path)
    log.append("intent", "a1", intent(title="Start tiny", kind="local-up", target=target))
    log.append("sending", "a1", sent)
    log.append("answered", "a1", answered(audit_id="", resource_version=""))
    action = only(tmp_path)
    assert action.intent.target_name == "local/server/tiny"
    assert "sent: START /opt/vllm serve: done\n" in f"{summary_text(action)}\n"
    assert all(AuditQuery(target=text).matches(action) for text in ("local/LocalNode/tiny", "server/tiny", "f00"))
    assert not AuditQuery(target="Deployment").matches(action)
