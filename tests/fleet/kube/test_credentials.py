"""What is sent to the server: tokens from everywhere, plugins, certificates, impersonation; renewed when due."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from fleet.kube.client import KubeClient
from fleet.kube.errors import KubeconfigError, UnauthorizedError, UnreachableError
from fleet.kube.kubeconfig import Access, load_access
from tests.fleet.kube.api import Api

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


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Makes the user settings of an exec plugin with the given Python body."""

    def make(body: str, **settings: Any) -> dict[str, Any]:
        script = tmp_path / "plugin.py"
        script.write_text(PLUGIN.format(body=body), encoding="utf-8")
        entry = {"apiVersion": API_VERSION, "command": sys.executable, "args": [str(script)]} | settings
        return {"exec": entry}

    return make


def answer(status: str) -> str:
    return f'print(json.dumps({{"apiVersion": "{API_VERSION}", "kind": "ExecCredential", "status": {status}}}))'


async def authorization(api: Api, user: dict[str, Any]) -> str:
    """The header that a request of this user carries."""
    client = KubeClient(api.access(user))
    try:
        await client.get("/version")
    finally:
        await client.close()
    return api.requests[-1].headers.get("Authorization", "")


async def test_a_token(api: Api) -> None:
    assert await authorization(api, {"token": "abc\n"}) == "Bearer abc"


async def test_basic(api: Api) -> None:
    expected = "Basic " + base64.b64encode(b"joe:pw").decode()
    assert await authorization(api, {"username": "joe", "password": "pw"}) == expected


async def test_nothing(api: Api) -> None:
    assert await authorization(api, {}) == ""


async def test_a_token_file_is_read_again_after_a_401(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n", encoding="ascii")
    api.tokens = {"old"}
    client = KubeClient(api.access({"tokenFile": str(file)}))
    await client.get("/version")
    api.tokens = {"new"}
    file.write_text("new\n", encoding="ascii")
    await client.get("/version")
    await client.close()
    sent = [asked.headers["Authorization"] for asked in api.requests]
    assert sent == ["Bearer old", "Bearer old", "Bearer new"]


async def test_an_empty_token_file_is_said(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("", encoding="ascii")
    with pytest.raises(KubeconfigError, match="is empty"):
        await authorization(api, {"tokenFile": str(file)})


async def test_a_refused_token_is_not_tried_twice(api: Api) -> None:
    api.tokens = {"good"}
    with pytest.raises(UnauthorizedError):
        await authorization(api, {"token": "bad"})
    assert len(api.requests) == 1


def kubeconfig(path: Path, user: dict[str, Any], server: str) -> Access:
    """An access that came from a file, and the file."""
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "joe"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "joe", "user": user}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return load_access(path)


async def test_a_login_in_another_terminal_helps(api: Api, tmp_path: Path) -> None:
    file, server = tmp_path / "config", api.access().server
    api.tokens = {"old"}
    client = KubeClient(kubeconfig(file, {"token": "old"}, server), renewal=0.0)
    await client.get("/version")
    api.tokens = {"new"}
    file.write_text("users: [half-writ", encoding="utf-8")
    with pytest.raises(UnauthorizedError):
        await client.get("/version")
    kubeconfig(file, {"token": "new"}, server)
    await client.get("/version")
    await client.close()
    assert api.requests[-1].headers["Authorization"] == "Bearer new"


def id_token(expires: float) -> str:
    parts: tuple[dict[str, Any], ...] = ({"alg": "none"}, {"exp": int(expires)}, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def oidc(token: str, name: str = "oidc") -> dict[str, Any]:
    return {"auth-provider": {"name": name, "config": {"id-token": token, "refresh-token": "r"}}}


async def test_an_oidc_token_is_used_while_it_is_valid(api: Api) -> None:
    token = id_token(time.time() + 600)
    assert await authorization(api, oidc(token)) == f"Bearer {token}"


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (oidc(id_token(1.0)), "has expired"),
        (oidc("rubbish"), "no usable id-token"),
        (oidc("a.b.c"), "no usable id-token"),
        (oidc("x", "gcp"), "auth-provider 'gcp'"),
    ],
)
async def test_an_oidc_token_that_is_of_no_use(api: Api, user: dict[str, Any], words: str) -> None:
    with pytest.raises(KubeconfigError, match=words) as caught:
        await authorization(api, user)
    assert "kubectl" in caught.value.remedy
    assert api.requests == []


async def test_impersonation(api: Api) -> None:
    client = KubeClient(api.access({"token": "t", "as": "jane", "as-uid": "7", "as-groups": ["dev"]}))
    await client.get("/version")
    await client.close()
    headers = api.requests[-1].headers
    assert (headers["Impersonate-User"], headers["Impersonate-Uid"], headers["Impersonate-Group"]) == (
        "jane",
        "7",
        "dev",
    )


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
    monkeypatch.setattr("fleet.kube.credentials.time.time", lambda: now + 9.5 * 60)
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
        ("sys.exit(1)", ["it said nothing"]),
        ('print("not json")', ["did not answer JSON"]),
        ("print(json.dumps({}))", ["did not answer an ExecCredential"]),
        (answer("{}"), ["neither a token nor a client certificate"]),
        (answer('{"token": "t", "expirationTimestamp": "soon"}'), ["no valid expirationTimestamp"]),
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


class Tls:
    """An https server that asks for client certificates, and the authority that both sides trust."""

    def __init__(self, name: str = "127.0.0.1") -> None:
        self.authority = trustme.CA()
        self.name = name
        self.subjects: list[str] = []
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(self.name).configure_cert(context)
        self.authority.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL

        async def handle(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            certificate = request.transport.get_extra_info("peercert")
            subject = dict(pair[0] for pair in certificate["subject"]) if certificate else {}
            self.subjects.append(subject.get("commonName", ""))
            return web.json_response({"gitVersion": "v1"})

        app = web.Application()
        app.router.add_get("/version", handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def access(self, user: dict[str, Any], **cluster: Any) -> Access:
        server = f"https://127.0.0.1:{self.port}"
        return Access("tls", "tls", "tester", "", server, {"server": server, **cluster}, user)

    def certificate(self, name: str) -> tuple[bytes, bytes]:
        issued = self.authority.issue_cert("client.example.com", common_name=name)
        return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()


async def tls_get(access: Access) -> None:
    client = KubeClient(access)
    try:
        await client.get("/version")
    finally:
        await client.close()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_client_certificates_inline_from_files_and_from_a_plugin(
    tmp_path: Path, plugin: Callable[..., dict[str, Any]]
) -> None:
    tls = Tls()
    await tls.start()
    try:
        trust = {"certificate-authority-data": b64(tls.authority.cert_pem.bytes())}
        certificate, key = tls.certificate("inline")
        await tls_get(tls.access({"client-certificate-data": b64(certificate), "client-key-data": b64(key)}, **trust))
        certificate, key = tls.certificate("files")
        (tmp_path / "c.pem").write_bytes(certificate)
        (tmp_path / "k.pem").write_bytes(key)
        files = {"client-certificate": str(tmp_path / "c.pem"), "client-key": str(tmp_path / "k.pem")}
        await tls_get(tls.access(files, **trust))
        certificate, key = tls.certificate("plugin")
        status = json.dumps({"clientCertificateData": certificate.decode(), "clientKeyData": key.decode()})
        await tls_get(tls.access(plugin(answer(status)), **trust))
        await tls_get(tls.access({}, **trust))
        assert tls.subjects == ["inline", "files", "plugin", ""]
    finally:
        await tls.stop()


async def test_an_untrusted_server_is_refused_and_insecure_is_honoured() -> None:
    tls = Tls()
    await tls.start()
    try:
        other = trustme.CA()
        with pytest.raises(UnreachableError, match="is not trusted") as caught:
            await tls_get(tls.access({}, **{"certificate-authority-data": b64(other.cert_pem.bytes())}))
        assert caught.value.reason == "x509"
        assert "certificate-authority" in caught.value.remedy
        assert tls.subjects == []
        await tls_get(tls.access({}, **{"insecure-skip-tls-verify": True}))
        assert tls.subjects == [""]
    finally:
        await tls.stop()


async def test_the_name_in_the_certificate_may_be_another() -> None:
    tls = Tls("kubernetes.internal")
    await tls.start()
    try:
        trust = {"certificate-authority-data": b64(tls.authority.cert_pem.bytes())}
        with pytest.raises(UnreachableError, match="is not trusted"):
            await tls_get(tls.access({}, **trust))
        await tls_get(tls.access({}, **trust, **{"tls-server-name": "kubernetes.internal"}))
        assert tls.subjects == [""]
    finally:
        await tls.stop()


@pytest.mark.parametrize("way", ["proxy-url", "HTTP_PROXY"])
async def test_a_proxy_of_the_kubeconfig_or_the_environment(
    api: Api, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    proxy, server = api.access().server, "http://kubernetes.invalid:8080"
    settings: dict[str, Any] = {"server": server}
    if way == "proxy-url":
        settings["proxy-url"] = proxy
    else:
        monkeypatch.setenv(way, proxy)
    client = KubeClient(Access("c", "c", "u", "", server, settings, {"token": "t"}))
    await client.get("/version")
    await client.close()
    assert api.requests[0].headers["Host"] == "kubernetes.invalid:8080"


async def test_a_certificate_that_is_none_is_said() -> None:
    access = Access("c", "c", "u", "", "https://127.0.0.1:1", {"certificate-authority-data": b64(b"nonsense")}, {})
    with pytest.raises(KubeconfigError, match="certificates of context 'c' cannot be used"):
        await tls_get(Access(
            "c", "c", "u", "", access.server, {"server": access.server, **access.cluster_settings}, {}
        ))  # fmt: skip
