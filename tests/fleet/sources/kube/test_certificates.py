"""Certificates of the user, of the server, and of both when they are of no use; and a proxy on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import KubeconfigError, UnreachableError
from fleet.sources.kube.kubeconfig import Access
from tests.fleet.sources.kube.api import Api
from tests.fleet.sources.kube.tls import Tls, b64
from tests.fleet.sources.kube.users import answer


async def tls_get(access: Access) -> None:
    client = KubeClient(access)
    try:
        await client.get("/version")
    finally:
        await client.close()


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
