"""A shared folder of logs: each user can write their own log, and no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from actions.audit.acknowledged import AcknowledgementReader
from actions.audit.errors import AuditError
from actions.audit.folder import logs_in
from actions.audit.log import AuditLog
from actions.audit.opened_logs import Opened, open_folder
from actions.audit.query import AuditQuery
from actions.audit.who import Who
from actions.audit.words import opened_text, summary
from tests.actions.audit.logs import NOW, filled, intent
from tests.actions.audit.persons import NOBODY, as_nobody, shared_folder
from tests.actions.audit.test_acknowledged import acknowledges

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

ROOT = Who("root@corp", (), "root", "laptop", "", 0)
NOBODYS = Who("nobody@corp", (), "nobody", "laptop", "", NOBODY.pw_uid)


@pytest.fixture
def site() -> Iterator[Path]:
    with shared_folder() as folder:
        yield folder


def write(folder: Path, who: Who) -> str:
    """Append one record: what went wrong, or nothing."""
    try:
        AuditLog(folder, who, clock=lambda: NOW).append("intent", "x1", intent())
    except AuditError as error:
        return str(error)
    return ""


def broken(log: Opened) -> dict[str, str]:
    return {chain.place.name: chain.verdict.broken.text for chain in log.chains if chain.verdict.broken is not None}


def test_somebody_who_may_not_even_list_the_folder_writes_their_log_and_reads_it(site: Path) -> None:
    assert as_nobody(lambda: write(site / "nobody", NOBODYS)) == ""
    assert (site / "nobody").stat().st_mode & 0o777 == 0o700
    assert as_nobody(lambda: str([action.id for action in open_folder(site).actions])) == "['x1']"
    assert as_nobody(lambda: opened_text(open_folder(site))[-1].text) == f"{site} may not be read"
    assert write(site / "root", ROOT) == ""
    found = open_folder(site)
    assert found.intact
    assert [chain.place.name for chain in found.chains] == ["nobody", "root"]


def test_a_folder_with_a_group_has_logs_that_the_group_reads_and_nobody_else_writes() -> None:
    with shared_folder(0o700) as folder:
        os.chown(folder, -1, NOBODY.pw_gid)
        folder.chmod(0o3770)
        before = os.umask(0o077)
        try:
            AuditLog(folder / "root", ROOT, clock=lambda: NOW).append("intent", "x1", acknowledges())
        finally:
            os.umask(before)
        assert as_nobody(lambda: [one.note for one in AcknowledgementReader(folder, lambda: NOW).read().told]) == str(
            ["draining n1"]
        )
        assert as_nobody(lambda: open_folder(folder).intact) == "True"
        assert "belongs to root" in as_nobody(lambda: write(folder / "root", NOBODYS))
        assert as_nobody(lambda: write(folder / "nobody", NOBODYS)) == ""
        assert open_folder(folder).intact


def test_a_folder_that_another_user_made_first_is_refused_with_a_way_on(site: Path) -> None:
    assert as_nobody((site / "root").mkdir) == "None"
    text = write(site / "root", ROOT)
    assert f"{site / 'root'} belongs to nobody, not to root" in text
    assert "moved away" in text
    assert "audit_dir" in text
    assert list((site / "root").iterdir()) == []
    (site / "nobody").mkdir(mode=0o700)
    assert "belongs to root, not to nobody" in as_nobody(lambda: write(site / "nobody", NOBODYS))


def test_a_link_in_the_place_of_a_folder_is_not_followed(site: Path, tmp_path: Path) -> None:
    assert as_nobody(partial((site / "root").symlink_to, tmp_path)) == "None"
    assert "a symbolic link, which is not followed" in write(site / "root", ROOT)
    assert list(tmp_path.iterdir()) == []
    filled(tmp_path / "log", 1)
    (site / "mia").symlink_to(tmp_path / "log")
    found = open_folder(site)
    assert not found.actions
    assert "symbolic link" in broken(found)["mia"]


def test_a_folder_in_which_anybody_may_rename_proves_nothing() -> None:
    with shared_folder(0o777) as folder:
        assert "chmod +t" in write(folder / "root", ROOT)


def test_a_file_of_another_user_is_not_written(site: Path) -> None:
    assert write(site / "root", ROOT) == ""
    os.chown(site / "root" / "audit-000001.jsonl", NOBODY.pw_uid, -1)
    assert "audit-000001.jsonl belongs to nobody" in write(site / "root", ROOT)


def test_a_log_that_another_made_in_a_persons_name_is_not_theirs(site: Path) -> None:
    assert as_nobody(lambda: write(site / "root", ROOT)) == ""
    assert as_nobody(lambda: write(site / "nobody", ROOT)) == ""
    found = open_folder(site)
    assert not found.intact
    assert broken(found) == {
        "root": "belongs to nobody: what it says was not written by root",
        "nobody": "belongs to nobody, but its record 1 says that root wrote it",
    }
    (action, _) = found.select(AuditQuery(person="root"))
    assert "according to a log that belongs to nobody" in summary(action)[0].text


def test_of_a_copy_owners_say_nothing(site: Path, tmp_path: Path) -> None:
    assert as_nobody(lambda: write(site / "nobody", NOBODYS)) == ""
    (site / "nobody").rename(tmp_path / "nobody")
    for file in (tmp_path / "nobody", *(tmp_path / "nobody").iterdir()):
        os.chown(file, 0, 0)
    assert open_folder(tmp_path).intact


def test_a_closed_folder_without_ones_own_log_is_said(site: Path) -> None:
    assert as_nobody(lambda: str(logs_in(site))) == f"([], [{site!r}])"
