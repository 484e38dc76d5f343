"""Benchmarks of servers on this machine, as stored in ``local/benches.jsonl`` of the state folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import orjson

from fleet.dataclass import dataclass

BENCHES: Final = "benches.jsonl"
"""The file's name; one sweep per line, oldest first."""


@dataclass(frozen=True, slots=True)
class ConcurrencyLevel:
    """Measurements at one concurrency. Latencies in seconds; None if not measured."""

    concurrency: int
    requests: int
    failed: int
    duration: float
    requests_rate: float
    """Requests per second."""
    output_rate: float
    """Output tokens per second."""
    ttft_p50: float | None = None
    ttft_p95: float | None = None
    ttft_p99: float | None = None
    itl_p50: float | None = None
    itl_p95: float | None = None
    itl_p99: float | None = None
    e2e_p50: float | None = None
    e2e_p95: float | None = None
    e2e_p99: float | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """One sweep."""

    id: str
    server: str
    model: str
    """The served name."""
    at: float
    """Unix time of its begin."""
    prompt_tokens: int
    output_tokens: int
    levels: tuple[ConcurrencyLevel, ...]
    version: str = ""
    """Version of vLLM."""
    arguments: tuple[str, ...] = ()
    """Arguments of the server, without model, host and port."""
    cancelled: bool = False
    tool: str = "vllm bench serve"
    """Program that measured."""


def read_benches(folder: Path) -> tuple[Bench, ...]:
    """All that are kept in ``servers_folder``, newest first. A line that cannot be read is left out. Raises OSError."""
    try:
        lines = (folder / BENCHES).read_bytes().splitlines()
    except FileNotFoundError:
        return ()
    found = []
    for line in lines:
        try:
            found.append(from_json(orjson.loads(line)))
        except (ValueError, TypeError):
            # An incomplete line: its writer was killed.
            continue
    return tuple(sorted(found, key=lambda bench: bench.at, reverse=True))


def to_json(bench: Bench) -> dict[str, Any]:
    """The sweep as JSON values. The server's name has the key ``node``, as in the files of earlier versions."""
    return {"node" if name == "server" else name: value for name, value in asdict(bench).items()}


def from_json(document: Any) -> Bench:
    """The sweep that ``to_json`` wrote. Raises ValueError for anything else."""
    from pydantic import TypeAdapter

    # pydantic's ValidationError is a ValueError.
    if isinstance(document, dict):
        document = {"server" if name == "node" else name: value for name, value in document.items()}
    return TypeAdapter(Bench).validate_python(document)
