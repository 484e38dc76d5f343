"""Certificates of the user, of the server, and of both when they are of no use; and a proxy on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import KubeconfigError, UnreachableError
from fleet.sources.kube.kubeconfig import Access
from tests.fleet.sources.kube.api import Api
from tests.fleet.sources.kube.tls import Tls, b64, private_key
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


async def test_who_vouches_may_be_a_file_with_comments_in_any_language(tmp_path: Path) -> None:
    tls = Tls()
    await tls.start()
    try:
        commented = "# Ordnungsgemäß geprüft\n".encode() + tls.authority.cert_pem.bytes()
        file = tmp_path / "ca.pem"
        file.write_bytes(commented)
        await tls_get(tls.access({}, **{"certificate-authority": str(file)}))
        await tls_get(tls.access({}, **{"certificate-authority-data": b64(commented)}))
        assert tls.subjects == ["", ""]
    finally:
        await tls.stop()


async def test_nobody_vouches_for_a_server_that_the_system_does_not_know() -> None:
    tls = Tls()
    await tls.start()
    try:
        with pytest.raises(UnreachableError, match="is not trusted"):
            await tls_get(tls.access({}))
        assert tls.subjects == []
    finally:
        await tls.stop()


@pytest.mark.parametrize("expected", [False, "", None, "true", 1])
async def test_nothing_but_a_plain_true_turns_verification_off(expected: object) -> None:
    tls = Tls()
    await tls.start()
    try:
        with pytest.raises(UnreachableError, match="is not trusted"):
            await tls_get(tls.access({}, **{"insecure-skip-tls-verify": expected}))
        assert tls.subjects == []
    finally:
        await tls.stop()


async def test_a_key_that_stands_in_the_kubeconfig_lies_on_no_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tls = Tls()
    await tls.start()
    try:
        certificate, key = tls.certificate("inline")
        user = {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}
        client = KubeClient(tls.access(user, **{"certificate-authority-data": b64(tls.authority.cert_pem.bytes())}))
        await client.get("/version")
        assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a folder of the test's own
        await client.close()
        assert tls.subjects == ["inline"]
    finally:
        await tls.stop()


async def test_a_certificate_that_was_replaced_in_place_is_shown_from_the_next_renewal_on(tmp_path: Path) -> None:
    tls = Tls()
    await tls.start()
    try:
        names = {"client-certificate": "c.pem", "client-key": "k.pem"}
        user = {what: str(tmp_path / name) for what, name in names.items()}

        def write(subject: str) -> None:
            for name, pem in zip(names.values(), tls.certificate(subject), strict=True):
                (tmp_path / name).write_bytes(pem)

        write("first")
        trust = {"certificate-authority-data": b64(tls.authority.cert_pem.bytes())}
        client = KubeClient(tls.access(user, **trust), renewal=0.0)
        await client.get("/version")
        write("second")
        tls.refused.add("first")
        await client.get("/version")
        await client.close()
        assert tls.subjects == ["first", "first", "second"]
    finally:
        await tls.stop()


@pytest.mark.parametrize("inline", [True, False])
async def test_an_encrypted_key_is_said_and_nobody_is_asked_for_its_pass_phrase(inline: bool, tmp_path: Path) -> None:
    certificate, _ = Tls().certificate("x")
    key = private_key(b"secret")
    (tmp_path / "k.pem").write_bytes(key)
    user: dict[str, Any] = {"client-certificate-data": b64(certificate)}
    user |= {"client-key-data": b64(key)} if inline else {"client-key": str(tmp_path / "k.pem")}
    server = "https://127.0.0.1:1"
    with pytest.raises(KubeconfigError, match="the client key is encrypted"):
        await tls_get(Access("c", "c", "u", "", server, {"server": server}, user))


async def test_a_key_of_another_certificate_is_said() -> None:
    certificate, _ = Tls().certificate("x")
    _, key = Tls().certificate("y")
    server = "https://127.0.0.1:1"
    user = {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}
    with pytest.raises(KubeconfigError, match="certificates of context 'c' cannot be used"):
        await tls_get(Access("c", "c", "u", "", server, {"server": server}, user))


async def test_dates_of_certificates_are_read_at_the_handshake_also_where_nothing_is_verified() -> None:
    tls = Tls()
    await tls.start()
    certificate, key = tls.certificate("inline")
    user = {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}
    shown = x509.load_pem_x509_certificate(certificate)
    dates = shown.not_valid_before_utc.timestamp(), shown.not_valid_after_utc.timestamp()
    try:
        trust = {"certificate-authority-data": b64(tls.authority.cert_pem.bytes())}
        for cluster in (trust, {"insecure-skip-tls-verify": True}):
            client = KubeClient(tls.access(user, **cluster))
            before = client.certificates
            assert before == ()
            await client.get("/version")
            await client.close()
            server, own = client.certificates
            assert (server.whose, own.whose) == ("server", "client")
            assert (own.begins, own.ends) == dates
            assert server.begins < time.time() < server.ends
    finally:
        await tls.stop()
