"""Records of the servers started here: one folder per server in the state folder.

``local/<name>/record.json`` (0600) describes what runs, ``log`` is the server's own output, ``key`` (0600) the API key,
``secrets.json`` (0600) the values of variables that look like secrets, ``environment.json`` (0600) the other variables.
``local/starts.jsonl`` holds the durations of starts. actions/local writes these files; this module reads them.
"""

from __future__ import annotations

from dataclasses import asdict
from errno import EINVAL
from pathlib import Path
from typing import Any

import orjson

from fleet.dataclass import dataclass
from fleet.local.process import Identity
from fleet.local.spec import LaunchSpec

RECORD = "record.json"
LOG = "log"
KEY = "key"
SECRETS = "secrets.json"
ENVIRONMENT = "environment.json"
STARTS = "starts.jsonl"


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """One server that was started and not taken down. Times are Unix seconds."""

    id: str
    """Hex, new with every start."""
    spec: LaunchSpec
    """The spec, without the values of variables that look like secrets."""
    identity: Identity
    argv: tuple[str, ...]
    """The command line as it was started: no secret is ever in it."""
    version: str
    """Version of vLLM; empty if unknown."""
    begun: float
    folder: str
    """Folder of its files."""
    runtime: str = ""
    """Folder of its sockets, deleted with it; empty for none."""
    keyed: bool = False
    """True if it requires an API key."""
    drains: bool = False
    """True if on SIGINT it refuses new requests and finishes its current ones (``--shutdown-timeout``)."""
    cpu: bool = False
    """True if its vLLM is a build for CPUs: it uses no GPU."""
    ready: float | None = None
    """Time at which it was first seen ready."""
    shared: tuple[str, ...] = ()
    """Shared memory files that it had then: a killed process leaves them, and nothing else records their owner."""

    @property
    def name(self) -> str:
        """Name of the server."""
        return self.spec.name

    @property
    def log(self) -> Path:
        """Log of the server."""
        return Path(self.folder) / LOG

    @property
    def key(self) -> str:
        """API key, read now; empty if it requires none. Raises OSError, also for an invalid key."""
        if not self.keyed:
            return ""
        key = (Path(self.folder) / KEY).read_bytes().strip().decode("ascii", errors="replace")
        if not (key.isascii() and key.isprintable()):
            raise OSError(EINVAL, "the file contains no key")
        return key


def servers_folder(state: Path) -> Path:
    """Return the folder of server records; ``state`` is this program's state folder."""
    return state / "local"


def read_records(folder: Path) -> tuple[tuple[ServerRecord, ...], tuple[str, ...]]:
    """Return all servers of ``servers_folder``, by name, and the problems met while reading. A missing folder has
    none.
    """
    records, problems = [], []
    try:
        # Not with glob, which treats an unreadable folder as empty.
        names = sorted(each.name for each in folder.iterdir())
    except FileNotFoundError:
        return (), ()
    except OSError as error:
        return (), (f"{folder} cannot be read: {error.strerror or error}",)
    for file in (folder / name / RECORD for name in names):
        try:
            records.append(from_json(orjson.loads(file.read_bytes())))
        except (FileNotFoundError, NotADirectoryError):
            # Stopped in between, or not one of ours.
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{file} cannot be read: {error}")
    return tuple(records), tuple(problems)


def to_json(record: ServerRecord) -> dict[str, Any]:
    """The record as JSON values."""
    return asdict(record)


def from_json(document: dict[str, Any]) -> ServerRecord:
    """The record that ``to_json`` wrote. Raises ValueError for anything else."""
    from pydantic import TypeAdapter

    # pydantic's ValidationError is a ValueError.
    return TypeAdapter(ServerRecord).validate_python(document)
