"""Acknowledgements in the audit logs of all users, as they are written, attributed only to their authors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from actions.audit import acknowledged
from actions.audit.acknowledged import AGAIN, AHEAD, KEPT, AcknowledgementReader
from actions.audit.chain import verify
from actions.audit.log import AuditLog
from actions.audit.reading import LogSnapshot, read_log
from actions.audit.who import Who, login
from tests.actions.audit.logs import NOW, RESULT, WHO, filled, intent, log_in, only_file

ME = Who("me@corp", (), login(os.getuid()), "desk", "", os.getuid())


def acknowledges(note: str = "draining n1", *, off: bool = False, **about: Any) -> dict[str, Any]:
    identity = {"cause": "engine-stuck", "objects": ["serving/chat-3"], "severity": "critical", "replicas": 1}
    return intent(
        kind="ack",
        reason=note,
        request={"kind": "ack", "note": note, "off": off},
        incident=identity | {"waiting": 3.0, "cluster_uid": "uid-1"} | about,
    )


def reader(folder: Path, later: float = 60.0) -> AcknowledgementReader:
    return AcknowledgementReader(folder, lambda: NOW + later)


def written(folder: Path, *contents: dict[str, Any], who: Who = WHO, later: float = 0.0) -> None:
    log = AuditLog(folder, who, clock=lambda: NOW + later)
    for number, content in enumerate(contents):
        log.append("intent", f"k{number}{later}", content)
        log.append("result", f"k{number}{later}", RESULT)


def test_it_says_who_when_what_and_of_which_incident(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    assert reader(tmp_path).read().told == ()
    written(tmp_path, acknowledges(), later=20)
    (one,) = reader(tmp_path).read().told
    assert (one.by, one.at, one.note) == ("oncall@corp", NOW + 20, "draining n1")
    assert (one.cause, one.objects, one.severity, one.replicas) == ("engine-stuck", ("serving/chat-3",), "critical", 1)
    assert (one.waiting, one.server, one.cluster_uid) == (3.0, "https://eu1", "uid-1")


def test_the_log_with_it_is_what_was_written(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    written(tmp_path, acknowledges(), later=20)
    assert verify(read_log(tmp_path)).intact


def test_what_is_written_later_is_read_from_there_on(tmp_path: Path) -> None:
    written(tmp_path, acknowledges("first"))
    one = reader(tmp_path)
    assert [each.note for each in one.read().told] == ["first"]
    assert one.read() == one.read()
    written(tmp_path, acknowledges("other", objects=["serving/chat-5"]), later=1)
    assert [each.note for each in one.read().told] == ["other", "first"]
    file = only_file(tmp_path)
    with file.open("ab") as torn:
        torn.write(b'{"action":"k9","at')
    assert [each.note for each in one.read().told] == ["other", "first"]
    written(tmp_path, acknowledges("after a torn write", objects=["serving/chat-6"]), later=2)
    assert [each.note for each in one.read().told] == ["after a torn write", "other", "first"]


def test_logs_to_which_nobody_has_written_are_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def noted(log: Path) -> LogSnapshot:
        looked.append(log)
        return read_log(log)

    monkeypatch.setattr(acknowledged, "read_log", noted)
    written(tmp_path, acknowledges("first"))
    moments = iter((60.0, 63.0, 66.0, 66.0 + AGAIN))
    one = AcknowledgementReader(tmp_path, lambda: NOW + next(moments))
    first = one.read()
    assert one.read() is first
    assert len(looked) == 1
    written(tmp_path, acknowledges("second"), later=1)
    assert [each.note for each in one.read().told] == ["second"]
    assert len(looked) == 2
    one.read()
    assert len(looked) == 3, "a week goes by without a record, too"


def test_a_later_one_of_the_same_takes_its_place_and_one_that_is_taken_back_is_none(tmp_path: Path) -> None:
    written(tmp_path, acknowledges("first"), acknowledges("other", objects=["serving/chat-5"]))
    written(tmp_path, acknowledges("second", objects=["serving/chat-3", "serving/chat-4"]), later=1)
    assert [each.note for each in reader(tmp_path).read().told] == ["second", "other"]
    written(tmp_path, acknowledges("", off=True), later=2)
    assert [each.note for each in reader(tmp_path).read().told] == ["other"]
    written(tmp_path, acknowledges("third"), later=3)
    assert [each.note for each in reader(tmp_path).read().told] == ["third", "other"]


def test_after_a_week_it_is_none_any_more(tmp_path: Path) -> None:
    written(tmp_path, acknowledges())
    assert reader(tmp_path, KEPT - 1).read().told
    assert not reader(tmp_path, KEPT + 1).read().told


def test_one_that_is_dated_ahead_of_every_clock_does_not_count_before_its_time(tmp_path: Path) -> None:
    written(tmp_path, acknowledges("whatever comes"), later=AHEAD + 100)
    one = reader(tmp_path, 0)
    assert not one.read().told
    assert reader(tmp_path, 101).read().told


def test_a_file_that_nobody_has_written_to_for_a_week_is_not_read(tmp_path: Path) -> None:
    log_in(tmp_path, limit=1).append("intent", "k", acknowledges("old"))
    old = only_file(tmp_path)
    os.utime(old, (NOW - KEPT, NOW - KEPT))
    log_in(tmp_path, limit=1).append("intent", "k2", acknowledges("new", objects=["serving/chat-9"]))
    assert [each.note for each in reader(tmp_path).read().told] == ["new"]


def test_a_record_that_is_not_as_it_was_written_is_none(tmp_path: Path) -> None:
    written(tmp_path, acknowledges("nothing to see here"))
    file = only_file(tmp_path)
    file.write_bytes(file.read_bytes().replace(b"nothing to see here", b"everything is fine "))
    assert reader(tmp_path).read().told == ()


@pytest.mark.parametrize(
    "wrong",
    [{"objects": "serving/chat-3"}, {"severity": "bad"}, {"severity": None}, {"severity": []}, {"waiting": 10**400}],
)
def test_what_no_version_writes_is_none(tmp_path: Path, wrong: dict[str, Any]) -> None:
    written(tmp_path, acknowledges(**wrong))
    assert reader(tmp_path).read().told == ()


def test_of_a_shared_folder_each_log_is_read_and_says_what_its_owner_says(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    written(tmp_path / ME.local_user, acknowledges("mine"), who=ME)
    assert [(each.by, each.note) for each in reader(tmp_path).read().told] == [("me@corp", "mine")]
    # A log named after another user, whose records claim to be that user's.
    written(
        tmp_path / "somebody",
        acknowledges("theirs", objects=["serving/chat-7"]),
        who=Who("ceo@corp", (), "somebody", "desk", ""),
        later=5,
    )
    assert next((each.by, each.note) for each in reader(tmp_path).read().told) == (ME.local_user, "theirs")
    (tmp_path / "linked").symlink_to(tmp_path / ME.local_user)
    assert len(reader(tmp_path).read().told) == 2


def test_where_there_is_no_folder_nobody_has_acknowledged_anything(tmp_path: Path) -> None:
    assert reader(tmp_path / "none").read().told == ()
