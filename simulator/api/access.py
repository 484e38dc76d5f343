"""The files for reaching the simulated cluster: kubeconfig, CA, token, Prometheus configuration."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from simulator.api import prometheus
from simulator.api.rbac import USERS, User

CONTEXTS = {
    "demo": "admin",
    "demo-oncall": "oncall",
    "demo-auditor": "auditor",
    "demo-teamlead": "teamlead",
    "demo-nobody": "nobody",
}
"""Kubeconfig contexts and their users; the first is current."""


def new_tokens() -> dict[str, User]:
    """A secret bearer token for each user of the simulator."""
    return {secrets.token_urlsafe(24): user for user in USERS.values()}


@dataclass(frozen=True, slots=True)
class Access:
    """The files that clients need."""

    kubeconfig: Path
    prometheus: Path


def write(directory: Path, server: str, ca: bytes, tokens: Mapping[str, User], namespace: str) -> Access:
    """Write the files, readable for their owner only. `namespace` is the default of the contexts."""
    access = Access(directory / "kubeconfig", directory / "prometheus.yml")
    by_name = {user.name: token for token, user in tokens.items()}
    ca_file, token_file = directory / "ca.crt", directory / "token"
    _write(ca_file, ca)
    _write(token_file, by_name["admin"].encode())
    _write(access.kubeconfig, _yaml(kubeconfig(server, ca, by_name, namespace)))
    _write(access.prometheus, _yaml(prometheus.configuration(server, ca_file, token_file)))
    return access


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)


def _yaml(document: dict[str, Any]) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def kubeconfig(server: str, ca: bytes, tokens: Mapping[str, str], namespace: str) -> dict[str, Any]:
    """A kubeconfig with a context for each user; `tokens` by user name, `ca` as PEM."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "demo",
        "clusters": [{"name": "quarterdeck-demo", "cluster": cluster}],
        "users": [
            {"name": f"demo-{user}", "user": {"token": tokens[user]}} for user in dict.fromkeys(CONTEXTS.values())
        ],
        "contexts": [
            {
                "name": name,
                "context": {"cluster": "quarterdeck-demo", "user": f"demo-{user}", "namespace": namespace},
            }
            for name, user in CONTEXTS.items()
        ],
    }
