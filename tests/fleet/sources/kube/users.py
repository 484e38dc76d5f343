"""Users of a kubeconfig, and what the server sees of one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fleet.sources.kube.client import KubeClient
from tests.fleet.sources.kube.api import Api

API_VERSION = "client.authentication.k8s.io/v1"

PLUGIN = """\
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
calls = here / "calls"
number = int(calls.read_text()) + 1 if calls.exists() else 1
calls.write_text(str(number))
(here / "info").write_text(os.environ["KUBERNETES_EXEC_INFO"])
(here / "flavour").write_text(os.environ.get("FLAVOUR", ""))
assert sys.stdin.read() == ""
{body}
"""


def with_plugin(folder: Path, body: str, **settings: Any) -> dict[str, Any]:
    """The settings of a user with an exec plugin of this Python body, which has ``number``, that of the call."""
    script = folder / "plugin.py"
    script.write_text(PLUGIN.format(body=body), encoding="utf-8")
    return {"exec": {"apiVersion": API_VERSION, "command": sys.executable, "args": [str(script)]} | settings}


def answer(status: str) -> str:
    """The body of a plugin that answers with this status, a Python expression."""
    return f'print(json.dumps({{"apiVersion": "{API_VERSION}", "kind": "ExecCredential", "status": {status}}}))'


async def authorization(api: Api, user: dict[str, Any]) -> str:
    """The header that a request of this user carries."""
    client = KubeClient(api.access(user))
    try:
        await client.get("/version")
    finally:
        await client.close()
    return api.requests[-1].headers.get("Authorization", "")
