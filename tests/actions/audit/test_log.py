"""The log that actions write: lines, chain, file modes and rotation; and its errors when it cannot be written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from actions.audit import disk
from actions.audit.chain import verify
from actions.audit.errors import AuditError
from actions.audit.folder import log_files
from actions.audit.line import GENESIS
from actions.audit.log import AuditLog
from actions.audit.reading import read_log, records
from actions.audit.who import Who
from tests.actions.audit.logs import NOW, WHO, filled, log_in, only_file
from tests.ending import ending


def test_a_line_holds_who_and_when_and_the_hashes_as_documented(tmp_path: Path) -> None:
    log = log_in(tmp_path / "audit")
    log.append("intent", "a1", {"title": "Scale to 6"})
    log.append("result", "a1", {"result": "converged"})
    first, second = only_file(tmp_path / "audit").read_bytes().splitlines()
    document = json.loads(first)
    assert document["schema"] == "quarterdeck/audit/v1"
    assert (document["seq"], document["event"], document["action"]) == (1, "intent", "a1")
    assert (document["at"], document["time"]) == (NOW, "2026-09-21T14:13:20.000000Z")
    assert document["who"] == {
        "identity": "oncall@corp",
        "groups": ["sre"],
        "local_user": "mia",
        "host": "laptop",
        "ssh_origin": "10.1.2.3 port 51000",
        "uid": 1000,
        "sudo_user": "",
    }
    assert document["process"]["pid"] == os.getpid()
    assert document["content"] == {"title": "Scale to 6"}
    # The recipe of docs/audit.md, without this program's code.
    assert document["prev"] == GENESIS == "0" * 64
    assert json.loads(second)["prev"] == hashlib.sha256(first).hexdigest()
    sealed = document.pop("hash")
    plain = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert sealed == hashlib.sha256(plain).hexdigest()


def test_what_is_in_a_name_stays_in_its_line(tmp_path: Path) -> None:
    log_in(tmp_path / "audit").append("intent", "a1", {"title": "a\nb\x1b[31m\u202e\ud800é"})
    data = only_file(tmp_path / "audit").read_bytes()
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert b"\x1b" not in data
    [record] = records(read_log(tmp_path / "audit"))
    assert record.content["title"] == "a\nb\x1b[31m\u202e\ud800é"


def test_only_the_owner_may_read_and_write(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        log_in(tmp_path / "state" / "audit").append("intent", "a1", {})
    finally:
        os.umask(before)
    folder = tmp_path / "state" / "audit"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_log_that_others_may_write_is_not_trusted(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)
    path = folder if what == "folder" else only_file(folder)
    path.chmod(0o777)
    for write in (log.check, lambda: log.append("intent", "a2", {})):
        with pytest.raises(AuditError, match=f"others may write {path}.*chmod go-w"):
            write()


def test_it_is_on_the_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_in(tmp_path / "audit")
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    log.append("intent", "a1", {})
    file = "audit-000001.jsonl"
    assert file in synced
    # A new file or folder is durable only when its parent folder is synced, too.
    assert synced.index("audit") > synced.index(file)
    assert tmp_path.name in synced
    synced.clear()
    log.append("result", "a1", {})
    assert file in synced


def test_a_log_begins_a_new_file_at_its_limit_and_the_chain_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 8, limit=4_000)
    files = log_files(folder)
    assert len(files) > 4
    assert [file.name for file in files[:2]] == ["audit-000001.jsonl", "audit-000002.jsonl"]
    assert all(file.stat().st_size <= 4_000 for file in files)
    verdict = verify(read_log(folder))
    assert verdict.intact
    assert (verdict.records, verdict.files) == (40, len(files))
    assert (verdict.since, verdict.until) == (NOW, NOW + 39)


def test_another_writer_goes_on_where_the_last_one_was(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    one, other = log_in(folder), log_in(folder, who=Who("bob", (), "bob", "desk", ""))
    for _ in range(3):
        one.append("step", "a1", {})
        other.append("step", "b1", {})
    assert [record.who["identity"] for record in records(read_log(folder))] == ["oncall@corp", "bob"] * 3
    assert verify(read_log(folder)).intact


def test_a_record_may_be_of_any_size(tmp_path: Path) -> None:
    log = log_in(tmp_path / "audit")
    for size in (10, 300_000, 10, 65_000, 1_000_000):
        log.append("step", "a1", {"text": "x" * size})
    assert verify(read_log(tmp_path / "audit")).records == 5


WRITER = """
import sys
from pathlib import Path
from actions.audit.log import AuditLog
from actions.audit.who import Who
log = AuditLog(Path(sys.argv[1]), Who.of_this_process(sys.argv[2], ()), limit_bytes=20_000)
print("ready", flush=True)
sys.stdin.readline()
for number in range(60):
    log.append("step", sys.argv[2], {"number": number})
"""


def test_two_processes_at_once_make_one_chain(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    command = [sys.executable, "-c", WRITER, str(folder)]
    with (
        ending(subprocess.Popen([*command, "one"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as one,
        ending(subprocess.Popen([*command, "two"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)) as two,
    ):
        for process in (one, two):
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        assert two.stdin is not None
        two.stdin.write(b"\n")
        two.stdin.flush()
        one.communicate(b"\n", timeout=60)
        two.communicate(timeout=60)
    assert (one.returncode, two.returncode) == (0, 0)
    assert verify(read_log(folder)).intact
    for name in ("one", "two"):
        numbers = [record.content["number"] for record in records(read_log(folder)) if record.action == name]
        assert numbers == list(range(60))


def test_threads_of_one_process_make_one_chain(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    log = AuditLog(folder, WHO)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: log.append("step", "a1", {"number": number}), range(80)))
    assert verify(read_log(folder)).intact
    assert sorted(record.content["number"] for record in records(read_log(folder))) == list(range(80))


def test_a_lock_that_stays_held_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    filled(folder, 1)
    log = AuditLog(folder, WHO, patience=0.05)
    with disk.writing(folder / "lock"):
        for write in (log.check, lambda: log.append("intent", "a2", {})):
            with pytest.raises(AuditError, match=f"another process has held {folder / 'lock'}.*fuser"):
                write()
        # Reading goes on.
        assert verify(read_log(folder)).intact


LIMITED = """
import resource, sys
from pathlib import Path
from actions.audit.errors import AuditError
from actions.audit.log import AuditLog
from actions.audit.who import Who
log = AuditLog(Path(sys.argv[1]), Who.of_this_process("me", ()))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    log.append("intent", "full", {"text": "x" * 1000})
except AuditError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 1, 11, 500])
def test_a_full_disk_blocks_and_nothing_of_the_line_stays(tmp_path: Path, room: int) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)
    before = only_file(folder).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder), str(len(before) + room)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{folder}: the limit on the size of files is reached" in done.stdout
    assert only_file(folder).read_bytes() == before
    log.append("intent", "a2", {})
    verdict = verify(read_log(folder))
    assert verdict.intact
    assert not verdict.torn
    assert [record.action for record in records(read_log(folder))][-1] == "a2"


def test_check_finds_a_full_disk_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    log.check()
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(AuditError, match=f"{folder}: the disk is full: make room"):
        log.check()
    with pytest.raises(AuditError, match="the disk is full"):
        log.append("intent", "a2", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)
    folder.chmod(0o500)
    with pytest.raises(AuditError, match=r"permission denied: chown or chmod"):
        log.check()
    folder.chmod(0o700)


def test_permission_denied_says_who_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)

    def denied(path: object, *_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", denied)
    for write in (log.check, lambda: log.append("intent", "a2", {})):
        with pytest.raises(AuditError, match=rf"{tmp_path}: permission denied.*user {os.getuid()} may write"):
            write()


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("")
    with pytest.raises(AuditError, match="a file is in the place of the folder"):
        log_in(tmp_path / "audit").check()


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    log = filled(folder, 1)
    file = only_file(folder)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditError, match="symbolic link"):
        log.append("intent", "a2", {})


def test_the_ssh_session_and_sudo_are_recorded() -> None:
    environ = {"SSH_CONNECTION": "10.0.0.9 51122 10.0.0.1 22", "SUDO_USER": "mia"}
    who = Who.of_this_process("oncall@corp", ["sre", "system:authenticated"], environ)
    assert (who.ssh_origin, who.sudo_user) == ("10.0.0.9 port 51122", "mia")
    assert who.groups == ("sre", "system:authenticated")
    assert who.uid == os.getuid()
    assert Who.of_this_process("x", (), {"SSH_CLIENT": "10.0.0.8 4 22"}).ssh_origin == "10.0.0.8 port 4"
    assert Who.of_this_process("x", (), {}).ssh_origin == ""


def test_no_secret_is_written(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", WHO)
    log.append("intent", "a1", {"reason": "see https://mia:pa55word@wiki/x", "body": {"args": ["--api-key", "s3cret"]}})
    data = only_file(tmp_path / "audit").read_text()
    assert "pa55word" not in data
    assert "s3cret" not in data
    assert "wiki/x" in data
