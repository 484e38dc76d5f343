"""Any kubeconfig and any answer of a server leads to an error message, never to an endless "starting"."""

from __future__ import annotations

import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from fleet.model.snapshot import Health
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import load_access
from fleet.sources.kube.pace import Pace
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.api import Api, Handler
from tests.waiting import PATIENCE, until

QUICK = Pace(first=0.01, longest=0.05, denied=0.1, quiet=5.0, probe=1.0, answer=PATIENCE)
"""Quick to try again, and patient with a server on a machine that has other things to do."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    5,
    -1.5,
    "",
    "false",
    "a\nb",
    "a\x00b",
    "\x1b]0;x\x07",
    "ä" * 3,
    "x" * 300,
    [],
    [5],
    [None],
    [[]],
    {},
    {"a": 5},
    {"name": "a", "value": []},
    "https://u:p@127.0.0.1:1",
    "https://127.0.0.1:99999",
    "http://[::1",
    "socks5://127.0.0.1:1",
    "http://127.0.0.1:1",
    "/dev/zero",
    "../../nowhere",
)


def document(server: str) -> dict[str, Any]:
    """A kubeconfig with every field that there is, each used by one of its users."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "false",
        "args": ["a"],
        "env": [{"name": "A", "value": "b"}],
        "installHint": "x",
        "provideClusterInfo": True,
        "interactiveMode": "Never",
    }
    users: list[dict[str, Any]] = [
        {"token": "t", "as": "x", "as-uid": "1", "as-groups": ["g"], "as-user-extra": {"a": ["b"]}},
        {"username": "u", "password": "p"},
        {"exec": plugin},
        {"auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c"}}},
    ]
    cluster = {
        "server": server,
        "tls-server-name": "x",
        "insecure-skip-tls-verify": True,
        "disable-compression": True,
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": 1}}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {"colors": True},
        "current-context": "c0",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": f"u{n}", "user": user} for n, user in enumerate(users)],
        "contexts": [
            {"name": f"c{n}", "context": {"cluster": "c", "user": f"u{n}", "namespace": "serving"}}
            for n in range(len(users))
        ],
    }


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value in a document."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [found for key in keys for found in [(value, key), *places(value[key])]]


async def settled(source: KubernetesSource) -> None:
    """Wait until it says how it is: anything but "starting"."""
    await source.start()
    try:
        await until(lambda: source.statuses()[0].health is not Health.STARTING)
        status = source.statuses()[0]
        assert status.health is Health.LIVE or status.problem
    finally:
        await source.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_kubeconfig_with_anything_anywhere_is_used_or_refused_in_words(
    cluster: Api, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    file = tmp_path / "config"
    whole = document(f"http://127.0.0.1:{cluster.port}")
    used = 0
    lines: list[str] = []
    for number in range(len(places(whole))):
        changed = deepcopy(whole)
        container, key = places(changed)[number]
        container[key] = chance.choice(VALUES)
        file.write_text(yaml.safe_dump(changed), encoding="utf-8")
        for context in ("c0", "c1", "c2", "c3"):
            try:
                access = load_access(file, context, {})
                source = KubernetesSource(access, pace=QUICK, environ={"PATH": "/bin:/usr/bin"})
            except KubeconfigError as error:
                lines.append(error.message)
                continue
            if chance.random() < 0.1:
                used += 1
                await settled(source)
            else:
                await source.client.close()
    assert used
    assert all(message.strip() for message in lines)


ANSWERS: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b"5",
    b'"x"',
    b"{}",
    b"{",
    b"\xff\xfe",
    b"<html></html>",
    b'{"metadata": 5, "items": {}}',
    b'{"metadata": {"resourceVersion": 5}, "items": [5, null, {}, {"metadata": []}]}',
    b'{"metadata": {"resourceVersion": "1", "continue": ["a"]}, "items": null}',
    b'{"metadata": {"resourceVersion": "1", "continue": "a"}, "items": [{"metadata": {"name": 5}}]}',
    b'{"kind": "Status", "code": "x", "reason": [], "details": 5, "message": {"a": 1}}',
    b'{"kind": "Status", "code": 410, "details": {"retryAfterSeconds": "x"}, "metadata": 5}',
    b'{"gitVersion": ["v1"], "status": {"userInfo": []}}',
    b'{"gitVersion": {}, "status": []}',
    b'{"type": "ERROR", "object": 5}\n',
    b'{"type": [], "object": {"metadata": 5}}\n',
    b"[" * 100_000,
)


@pytest.mark.parametrize("seed", range(6))
async def test_a_server_that_answers_anything_is_told_of(cluster: Api, seed: int) -> None:
    chance = random.Random(seed)

    def anything() -> Handler:
        code = chance.choice((200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 418, 429, 500, 503))
        kind = chance.choice(("application/json", "application/json", "text/plain", "text/html"))
        body = chance.choice(ANSWERS)
        wait = chance.choice(("86400", "-1", "soon", "\t1", "Fri, 31 Dec 2099 23:59:59 GMT"))

        async def answer(request: web.Request) -> web.StreamResponse:
            return web.Response(status=code, body=body, content_type=kind, headers={"Retry-After": wait})

        return answer

    for _ in range(100):
        cluster.next(lambda _: True, anything())
    source = KubernetesSource(cluster.access(), pace=QUICK, environ={})
    await source.start()
    try:
        await until(lambda: source.statuses()[0].health is not Health.STARTING)
        assert source.statuses()[0].health is Health.LIVE or source.statuses()[0].problem
    finally:
        await source.close()
