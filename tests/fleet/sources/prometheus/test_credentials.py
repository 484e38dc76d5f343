"""Credentials for Prometheus: tokens, passwords, certificates and headers on the wire, and nowhere else."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from fleet.model.problem import SourceProblem
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.fake_prometheus import Fake, asking, measure, serving


async def _authorization(tmp_path: Path, **endpoint: Any) -> str:
    fake = Fake()
    await measure(fake, **endpoint)
    (value,) = {request.headers.get("Authorization", "") for request in fake.seen}
    return value


async def test_nobody_asks_by_default_whatever_netrc_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login leak password leak\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert await _authorization(tmp_path) == ""


async def test_bearer_token(tmp_path: Path) -> None:
    assert await _authorization(tmp_path, token="abc") == "Bearer abc"


async def test_basic_authentication(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    password_file = str(tmp_path / "password")
    assert await _authorization(tmp_path, username="ali", password_file=password_file) == "Basic YWxpOm9wZW4gc2VzYW1l"


async def test_user_and_password_of_the_url_are_used_and_never_shown() -> None:
    async with serving(Fake()) as fake:
        endpoint = PrometheusEndpoint(fake.url.replace("://", "://ali:open sesame@"))
        async with asking(endpoint) as source:
            await source.measure()
    assert {request.headers["Authorization"] for request in fake.seen} == {"Basic YWxpOm9wZW4gc2VzYW1l"}
    assert endpoint.shown == fake.url


async def test_a_token_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    async with serving(Fake()) as fake, asking(PrometheusEndpoint(fake.url, token_file=str(file))) as source:
        await source.measure()
        file.write_text("new\n")
        fake.seen.clear()
        await source.measure()
        assert {request.headers["Authorization"] for request in fake.seen} == {"Bearer new"}
        file.unlink()
        with pytest.raises(SourceProblem, match=r"token cannot be read \(No such file"):
            await source.measure()


async def test_extra_headers_such_as_a_tenant() -> None:
    fake = Fake()
    await measure(fake, headers={"X-Scope-OrgID": "ops"})
    assert {request.headers["X-Scope-OrgID"] for request in fake.seen} == {"ops"}


def _contexts(tmp_path: Path) -> tuple[ssl.SSLContext, dict[str, Any]]:
    """A server that wants a client certificate, and the files of a client that it trusts."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    client = authority.issue_cert("oncall@example.org")
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ca_file", "cert_file", "key_file")}
    authority.cert_pem.write_to_path(files["ca_file"])
    client.cert_chain_pems[0].write_to_path(files["cert_file"])
    client.private_key_pem.write_to_path(files["key_file"])
    return server, files


async def test_a_private_authority_and_a_client_certificate(tmp_path: Path) -> None:
    server, files = _contexts(tmp_path)
    async with serving(Fake(), server) as fake:
        async with asking(PrometheusEndpoint(fake.url, **files)) as source:
            before = source.certificates
            assert before == ()
            assert (await source.measure()).engines == ()
            (shown,) = source.certificates
            assert shown.whose == "server"
            assert shown.begins < time.time() < shown.ends
        async with asking(PrometheusEndpoint(fake.url)) as source:
            with pytest.raises(SourceProblem, match=r"certificate of .* is not trusted"):
                await source.measure()
        async with asking(PrometheusEndpoint(fake.url, ca_file=files["ca_file"])) as source:
            with pytest.raises(SourceProblem):
                await source.measure()


async def test_a_certificate_file_that_is_not_there() -> None:
    async with asking(PrometheusEndpoint("https://127.0.0.1:1", ca_file="/nowhere/ca.pem")) as source:
        with pytest.raises(SourceProblem, match=r"/nowhere/ca.pem: no such file"):
            await source.measure()


async def test_secrets_are_not_in_the_repr() -> None:
    endpoint = PrometheusEndpoint("http://x", token="s3cret", password="s3cret", headers={"A": "s3cret"})
    assert "s3cret" not in repr(endpoint)
