"""The servers on this machine and their benchmarks, as JSON. It contains no secret: a key is named by its file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from actions.audit.redaction import redacted_arguments, redacted_text, redacted_variables
from fleet.local.benches import Bench, to_json
from fleet.local.record import KEY
from fleet.local.server import ServerState

SERVERS = "quarterdeck/local/v1"
BENCHES = "quarterdeck/benches/v1"


def servers_json(servers: Sequence[ServerState], problems: Sequence[str]) -> str:
    """Return the document of ``local ls --json``: docs/local.md describes its fields."""
    return _text({"schema": SERVERS, "nodes": [_server(state) for state in servers], "problems": list(problems)})


def benches_json(benches: Sequence[Bench]) -> str:
    """``local benches --json``."""
    return _text({"schema": BENCHES, "benches": [to_json(bench) for bench in benches]})


def _server(state: ServerState) -> dict[str, Any]:
    record, stage, reason = state.record, state.stage, state.reason
    # Records of an earlier version, or log lines, may contain a secret in clear text.
    spec = asdict(record.spec) | {
        "env": redacted_variables(record.spec.env),
        "extra": redacted_arguments(record.spec.extra),
    }
    return {
        "name": state.name,
        "id": record.id,
        "phase": stage.phase.value,
        "detail": stage.detail,
        "done": stage.done,
        "total": stage.total,
        "elapsed": state.elapsed,
        "eta": state.eta,
        "healthy": state.healthy,
        "url": record.spec.url,
        "models": list(state.models),
        "pid": record.identity.pid,
        "begun": record.begun,
        "ready": record.ready,
        "version": record.version,
        "argv": redacted_arguments(record.argv),
        "spec": spec,
        "log": str(record.log),
        "key_file": f"{record.folder}/{KEY}" if record.keyed else "",
        "reason": {name: redacted_text(text) for name, text in asdict(reason).items()} if reason is not None else None,
        "tail": [redacted_text(line) for line in state.tail] if not state.alive else [],
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
