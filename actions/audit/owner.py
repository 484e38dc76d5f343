"""The owner of a log. In a shared folder, a log may be named after another user than its owner."""

from __future__ import annotations

import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from actions.audit.line import Record
from actions.audit.reading import LogSnapshot
from actions.audit.who import login
from fleet.dataclass import dataclass

_WRITABLE_BY_OTHERS = 0o022


@dataclass(frozen=True, slots=True)
class LogOwner:
    """The owner of a log. ``problem``: a clause about the log, empty for none; ``name``: who could have written it."""

    name: str = ""
    problem: str = ""


def is_shared(folder: Path) -> bool:
    """True if others may create logs in a folder. In one that is not shared (for example a copy) owners prove nothing.

    Raises OSError.
    """
    return bool(folder.stat().st_mode & _WRITABLE_BY_OTHERS)


def owner_of(log: Path, look: LogSnapshot, records: Iterable[Record]) -> LogOwner:
    """Compare the owner of a log in a shared folder with its name and its records. Raises OSError."""
    found = log.lstat()
    name = login(found.st_uid)
    if stat.S_ISLNK(found.st_mode):
        return LogOwner(name, f"is a symbolic link of {name}: its creator controls what is read as {log.name}'s log")
    wanted = _uid(log.name)
    if wanted is not None and found.st_uid != wanted:
        return LogOwner(name, f"belongs to {name}: what it says was not written by {log.name}")
    if wanted is None:
        return LogOwner(name, f"belongs to {name}, and {log.name} is not a user of this machine")
    for file in look.sizes:
        if (uid := file.lstat().st_uid) != found.st_uid:
            return LogOwner(login(uid), f"belongs to {name}, and its file {file.name} to {login(uid)}")
    if found.st_mode & _WRITABLE_BY_OTHERS:
        return LogOwner(name, "may be written by others: anybody may have written its records")
    other = next((record for record in records if not _wrote(record, found.st_uid, name)), None)
    if other is not None:
        author = other.who.get("local_user") or other.who.get("uid")
        return LogOwner(name, f"belongs to {name}, but its record {other.seq} says that {author} wrote it")
    return LogOwner(name)


def _wrote(record: Record, uid: int, name: str) -> bool:
    """True if a record names the owner of its file. Old records may lack the uid."""
    author = record.who.get("uid")
    if isinstance(author, int) and author >= 0 and author != uid:
        return False
    return record.who.get("local_user") in {name, str(uid), None, ""}


def _uid(name: str) -> int | None:
    """Return the uid of a login, or of the number in its place; None where there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return int(name) if name.isdecimal() else None
