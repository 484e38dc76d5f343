"""Records of running servers: written before a server runs, so that no crash leaves an unrecorded one."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson

from actions.audit.redaction import redacted_variables
from actions.audit.redaction_marks import MARK
from actions.local.leftovers import survey
from actions.local.own_names import with_own_names
from actions.private_files import make_private, write_whole
from fleet.local import eta
from fleet.local.errors import LocalError
from fleet.local.record import ENVIRONMENT, KEY, LOG, RECORD, SECRETS, STARTS, ServerRecord, from_json, to_json
from fleet.local.server import ServerState
from fleet.local.spec import LaunchSpec

KEY_VARIABLE: Final = "VLLM_API_KEY"
SOCKETS: Final = 107 - 51
"""Longest folder path in bytes in which sockets fit: a socket's path has at most 107 (unix(7)). Their names have 36,
and until vLLM 0.9 end in ``_output_socket``.
"""
_LOGS: Final = 3
"""Logs of earlier starts that are kept."""
_STARTS: Final = 200
"""Number of starts whose duration is kept; the oldest are dropped."""


def mask_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables as they may be shown and recorded: values not known to be harmless are masked."""
    return redacted_variables(env)


def without_secrets(spec: LaunchSpec) -> LaunchSpec:
    """The spec as it may be shown and recorded."""
    return replace(spec, env=mask_variables(spec.env))


def claim(folder: Path) -> ExitStack:
    """Claim a folder: no other console starts a server in it until the result is closed, and none that is recorded runs
    there.

    A plan may be old when it is executed: overwriting the record of a running server would leave it unrecorded. Raises
    LocalError.
    """
    claimed = ExitStack()
    try:
        make_private(folder, folder.parent)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        claimed.callback(os.close, descriptor)
        _lock(descriptor)
        record = from_json(orjson.loads((folder / RECORD).read_bytes()))
    except FileNotFoundError:
        return claimed
    except BlockingIOError:
        claimed.close()
        raise LocalError(f"{folder.name} is being started by another process", "See quarterdeck local ls") from None
    except ValueError as error:
        claimed.close()
        raise LocalError(
            f"{folder / RECORD} cannot be read: its server may still be running", "Choose another name (--name)."
        ) from error
    except OSError as error:
        claimed.close()
        raise _unwritable(folder, error) from error
    if record.identity.alive:
        claimed.close()
        what = f"{record.name} was started meanwhile: it runs at {record.spec.url}"
        raise LocalError(what, "Choose another name (--name), or restart that one.")
    return claimed


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        # NFS cannot lock a folder: the record must suffice.
        return


def last_of(folder: Path) -> ServerRecord | None:
    """The record of the last start in this folder, which was not taken down; None where there is none."""
    try:
        return from_json(orjson.loads((folder / RECORD).read_bytes()))
    except (OSError, ValueError):
        return None


def prepare(folder: Path, spec: LaunchSpec) -> None:
    """Make the server's folder (0700) with its key and its secret variables (0600), and rotate its last log.

    The key is the one in the spec's environment, else a new one. Masked values (a spec from a record) are the previous
    ones. Raises LocalError.
    """
    try:
        make_private(folder, folder.parent)
        before = _read_secrets(folder)
        shown = mask_variables(spec.env)
        hide = {
            name: before.get(name, "") if value == MARK else value
            for name, value in spec.env.items()
            if shown[name] != value or value == MARK
        }
        key = hide.pop(KEY_VARIABLE, "") or f"qd-{secrets.token_urlsafe(32)}"
        write_whole(folder / KEY, key.encode())
        write_whole(folder / SECRETS, orjson.dumps(hide))
        _put_aside(folder / LOG)
    except OSError as error:
        raise _unwritable(folder, error) from error


def unmasked(folder: Path, spec: LaunchSpec) -> LaunchSpec:
    """Return a record's spec with the server's secrets and key, for a restart.

    Raises LocalError.
    """
    kept = whole_env(folder, {})
    env = {name: kept.get(name, "") if value == MARK else value for name, value in spec.env.items()}
    return replace(spec, env={KEY_VARIABLE: kept[KEY_VARIABLE], **env} if KEY_VARIABLE in kept else env)


def whole_env(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Variables with their secret values in place of the masks, the key among them. Raises LocalError."""
    try:
        return {**env, **_read_secrets(folder)}
    except (OSError, ValueError) as error:
        raise LocalError(f"the secrets of {folder.name} cannot be read: {error}") from error


def keep_environment(folder: Path, env: Mapping[str, str]) -> None:
    """Store the variables that affect a server, for processes that accompany it. Raises LocalError."""
    try:
        write_whole(folder / ENVIRONMENT, orjson.dumps(dict(env)))
    except OSError as error:
        raise _unwritable(folder, error) from error


def kept_environment(folder: Path) -> dict[str, str] | None:
    """Return what ``keep_environment`` stored; None if an earlier version started the server."""
    try:
        found = orjson.loads((folder / ENVIRONMENT).read_bytes())
    except (OSError, ValueError):
        return None
    return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else None


def _read_secrets(folder: Path) -> dict[str, str]:
    """The secret variables of a server, the key among them; none where there is no such server."""
    try:
        kept: dict[str, str] = orjson.loads((folder / SECRETS).read_bytes())
        return {**kept, KEY_VARIABLE: (folder / KEY).read_text().strip()}
    except FileNotFoundError:
        return {}


def owned(env: Mapping[str, str], server: str, folder: Path) -> dict[str, str]:
    """``own``, in words where it cannot be. Raises LocalError."""
    try:
        return with_own_names(env, server, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def runtime(folder: Path, temporary: str = "") -> Path:
    """Return a new folder (0700) for the server's sockets and temporary files.

    In ``temporary``, if the user has set it; else in the server's own folder, or in the system's if the path is too
    long for a socket. Raises LocalError.
    """
    try:
        if temporary and Path(temporary).is_dir() and len(bytes(Path(temporary) / "quarterdeck-12345678")) <= SOCKETS:
            return Path(tempfile.mkdtemp(prefix="quarterdeck-", dir=temporary))
        if len(bytes(folder / "run")) <= SOCKETS:
            # Leftovers of an earlier start have no owner.
            shutil.rmtree(folder / "run", ignore_errors=True)
            (folder / "run").mkdir(mode=0o700)
            return folder / "run"
        return Path(tempfile.mkdtemp(prefix="quarterdeck-", dir="/tmp"))
    except OSError as error:
        raise _unwritable(folder, error) from error


def keep(record: ServerRecord) -> None:
    """Write the record down; it is on the disk when this returns. Raises LocalError."""
    try:
        write_whole(Path(record.folder) / RECORD, orjson.dumps(to_json(record), option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise _unwritable(Path(record.folder), error) from error


def mark_ready(record: ServerRecord, at: float) -> None:
    """Record when it was first ready; only once, and not for one that is gone. Raises LocalError."""
    try:
        kept = from_json(orjson.loads((Path(record.folder) / RECORD).read_bytes()))
    except (OSError, ValueError):
        return
    if kept.id == record.id and kept.ready is None:
        keep(replace(kept, ready=at, shared=tuple(sorted(survey(kept).shared))))


def forget(record: ServerRecord) -> None:
    """Remove everything of an ended server except its logs. Raises LocalError."""
    folder = Path(record.folder)
    try:
        for name in (RECORD, KEY, SECRETS, ENVIRONMENT):
            with suppress(FileNotFoundError):
                (folder / name).unlink()
        if record.runtime:
            shutil.rmtree(record.runtime, ignore_errors=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _put_aside(log: Path) -> None:
    """Rotate: ``log`` becomes ``log.1``, that ``log.2`` …"""
    for number in range(_LOGS - 1, 0, -1):
        with suppress(FileNotFoundError):
            log.with_name(f"{log.name}.{number}").replace(log.with_name(f"{log.name}.{number + 1}"))
    with suppress(FileNotFoundError):
        log.replace(log.with_name(f"{log.name}.1"))


def _unwritable(folder: Path, error: OSError) -> LocalError:
    return LocalError(
        f"{folder} cannot be written: {error.strerror or error}", "Free some space, or set XDG_STATE_HOME."
    )


def remember_start(folder: Path, state: ServerState) -> None:
    """Write down how long a start took, for the next one's ETA; ``folder`` is where servers are recorded.

    Raises LocalError.
    """
    file = folder / STARTS
    line = orjson.dumps(eta.to_json(eta.start_of(state)))
    try:
        lines = file.read_bytes().splitlines() if file.exists() else []
        file.write_bytes(b"\n".join([*lines[-_STARTS + 1 :], line]) + b"\n")
    except OSError as error:
        raise LocalError(f"{file} cannot be written: {error.strerror or error}") from error
