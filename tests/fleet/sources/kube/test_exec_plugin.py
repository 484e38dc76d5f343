"""Tokens of exec plugins: the call, its frequency, and the message about a failed one."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import KubeconfigError, UnauthorizedError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.plugin_process import run_to_end
from tests.fleet.sources.kube.api import Api
from tests.fleet.sources.kube.tls import Tls, private_key
from tests.fleet.sources.kube.users import API_VERSION, answer, authorization
from tests.waiting import PATIENCE, until


async def test_an_exec_plugin_gives_the_token(api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    user = plugin(
        answer('{"token": "from-plugin"}'), env=[{"name": "FLAVOUR", "value": "sour"}], provideClusterInfo=True
    )
    assert await authorization(api, user) == "Bearer from-plugin"
    info = json.loads((tmp_path / "info").read_text(encoding="utf-8"))
    assert info["apiVersion"] == API_VERSION
    assert info["spec"] == {"interactive": False, "cluster": {"server": api.access().server}}
    assert (tmp_path / "flavour").read_text(encoding="utf-8") == "sour"


async def test_a_plugin_is_asked_once_for_many_requests(
    api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    client = KubeClient(api.access(plugin(answer('{"token": f"t{number}"}'))))
    for _ in range(5):
        await client.get("/version")
    await client.close()
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "1"


async def test_an_expired_token_is_renewed_before_it_is_refused(
    api: Api, plugin: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        "import datetime as d\n"
        "when = (d.datetime.now(d.timezone.utc) + d.timedelta(minutes=10)).isoformat().replace('+00:00', 'Z')\n"
    )
    client = KubeClient(api.access(plugin(body + answer('{"token": f"t{number}", "expirationTimestamp": when}'))))
    await client.get("/version")
    await client.get("/version")
    now = time.time()
    monkeypatch.setattr("fleet.sources.kube.credentials.time.time", lambda: now + 9.5 * 60)
    await client.get("/version")
    await client.close()
    assert [asked.headers["Authorization"] for asked in api.requests] == ["Bearer t1", "Bearer t1", "Bearer t2"]


async def test_a_401_runs_the_plugin_once_more(api: Api, plugin: Callable[..., dict[str, Any]]) -> None:
    api.tokens = {"t2"}
    assert await authorization(api, plugin(answer('{"token": f"t{number}"}'))) == "Bearer t2"
    api.tokens = {"never"}
    with pytest.raises(UnauthorizedError):
        await authorization(api, plugin(answer('{"token": f"t{number}"}')))


async def test_a_plugin_is_not_run_for_every_401(
    api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    api.tokens = {"never"}
    client = KubeClient(api.access(plugin(answer('{"token": f"t{number}"}'))))
    for _ in range(5):
        with pytest.raises(UnauthorizedError):
            await client.get("/version")
    await client.close()
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "2", "once to begin with, once after the first 401"


async def test_a_plugin_that_fails_is_tried_again_after_a_while_and_not_before(
    api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    body = "if number == 1: sys.exit('not logged in')\n" + answer('{"token": "t"}')
    patient, hasty = KubeClient(api.access(plugin(body))), KubeClient(api.access(plugin(body)), renewal=0.0)
    for _ in range(3):
        with pytest.raises(KubeconfigError, match="not logged in"):
            await patient.get("/version")
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "1"
    await hasty.get("/version")
    await patient.close()
    await hasty.close()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            'sys.stderr.write("first\\nSSO session expired\\n\\n"); sys.exit(3)',
            ["exit 3", "SSO session expired"],
        ),
        ("sys.exit(1)", ["no output"]),
        ('print("not json")', ["did not return JSON"]),
        ("print(json.dumps({}))", ["did not return an ExecCredential"]),
        (answer("{}"), ["neither a token nor a client certificate"]),
        (answer('{"token": "t", "expirationTimestamp": "soon"}'), ["an invalid expirationTimestamp"]),
        ('print(json.dumps({"apiVersion": "x/v9", "kind": "ExecCredential", "status": {}}))', ["answered x/v9"]),
    ],
)
async def test_a_plugin_that_fails_says_why(
    api: Api, plugin: Callable[..., dict[str, Any]], body: str, words: list[str]
) -> None:
    with pytest.raises(KubeconfigError) as caught:
        await authorization(api, plugin(body))
    for word in [*words, "user 'tester'"]:
        assert word in caught.value.message
    assert api.requests == []


async def test_a_plugin_that_is_not_there(api: Api, plugin: Callable[..., dict[str, Any]]) -> None:
    user = plugin("", command="no-such-plugin", installHint="Get it from\nyour administrator.")
    with pytest.raises(KubeconfigError, match="not installed: no-such-plugin") as caught:
        await authorization(api, user)
    assert caught.value.remedy == "Get it from your administrator."


async def test_a_plugin_beside_the_kubeconfig(api: Api, tmp_path: Path) -> None:
    script = tmp_path / "bin" / "login"
    script.parent.mkdir()
    document = {"apiVersion": API_VERSION, "kind": "ExecCredential", "status": {"token": "beside"}}
    script.write_text(f"#!/bin/sh\necho '{json.dumps(document)}'\n", encoding="utf-8")
    script.chmod(0o755)
    made = api.access({"exec": {"apiVersion": API_VERSION, "command": "./bin/login"}})
    access = Access(
        made.context, made.cluster, made.user, "", made.server, made.cluster_settings, made.user_settings,
        tmp_path / "config",
    )  # fmt: skip
    client = KubeClient(access)
    await client.get("/version")
    await client.close()
    assert api.requests[-1].headers["Authorization"] == "Bearer beside"


LEAVE_A_CHILD = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(here / "child").write_text(str(child.pid))
"""


def gone(pid: int) -> bool:
    """True if a process has ended; one that nobody has waited for yet counts."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


async def test_a_plugin_that_leaves_a_child_with_its_pipe_has_answered_all_the_same(
    api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    assert await authorization(api, plugin(LEAVE_A_CHILD + answer('{"token": "t"}'))) == "Bearer t"
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    await until(lambda: gone(child))


async def test_at_its_limit_a_plugin_ends_with_all_that_it_started(
    api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.sources.kube.exec_plugin.TIMEOUT", 3.0)
    body = LEAVE_A_CHILD + "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    with pytest.raises(KubeconfigError, match="did not answer within 3 s"):
        await authorization(api, plugin(body))
    child = int((tmp_path / "child").read_text(encoding="utf-8"))
    await until(lambda: gone(child))


async def test_who_stops_waiting_for_a_plugin_leaves_nothing_of_it(
    api: Api, plugin: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    asking = asyncio.create_task(authorization(api, plugin(LEAVE_A_CHILD + "import time; time.sleep(600)")))
    written = tmp_path / "child"
    await until(lambda: written.exists() and written.read_text(encoding="utf-8"))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    child = int(written.read_text(encoding="utf-8"))
    await until(lambda: gone(child))


async def test_a_plugin_that_never_stops_talking_is_cut_short(api: Api, plugin: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(KubeconfigError, match="did not return JSON"):
        await authorization(api, plugin('for _ in range(64): sys.stdout.write("x" * 2**20)'))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (r'{"token": "a\nb"}', "contains a line break"),
        ('{"token": ["t"]}', "token that is not text"),
    ],
)
async def test_an_answer_that_no_request_can_carry_is_said(
    api: Api, plugin: Callable[..., dict[str, Any]], status: str, words: str
) -> None:
    with pytest.raises(KubeconfigError, match=words):
        await authorization(api, plugin(answer(status)))
    assert api.requests == []


@pytest.mark.parametrize(("key", "words"), [(private_key(b"secret").decode(), "is encrypted"), ("y", "cannot be used")])
async def test_a_certificate_that_cannot_be_used_is_said_and_no_pass_phrase_asked_for(
    plugin: Callable[..., dict[str, Any]], key: str, words: str
) -> None:
    server = "https://127.0.0.1:1"
    certificate = Tls().certificate("x")[0].decode()
    user = plugin(answer(json.dumps({"clientCertificateData": certificate, "clientKeyData": key})))
    client = KubeClient(Access("c", "c", "u", "", server, {"server": server}, user))
    with pytest.raises(KubeconfigError, match=words):
        await client.get("/version")
    await client.close()


async def test_who_ends_at_once_has_waited_for_the_end_of_the_plugin(tmp_path: Path) -> None:
    script = f"cd {tmp_path} && echo $$ > pid.new && mv pid.new pid && exec sleep 600"
    asking = asyncio.create_task(run_to_end("/bin/sh", ("-c", script), os.environ, PATIENCE))
    await until((tmp_path / "pid").exists)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))
