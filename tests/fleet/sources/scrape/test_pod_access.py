"""Recipients of the token for guarded /metrics: listed namespaces, verified connections and engines only."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from fleet.sources.scrape.pod_access import PodAccess, PodCredentials
from fleet.sources.scrape.source import ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget

PAGE = 'vllm:num_requests_running{engine="0",model_name="a"} 3.0\n'


@pytest.fixture
def token(tmp_path: Path) -> str:
    (tmp_path / "token").write_text("t0ken\n")
    return str(tmp_path / "token")


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return authority


def shown(access: PodAccess, url: str, namespace: str = "llm") -> str:
    credentials = PodCredentials(access)
    credentials.read()
    assert credentials.problem == ""
    return credentials.of_engine(ScrapeTarget(namespace, "p", url)).headers.get("Authorization", "")


@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize(
    ("url", "namespace", "ca", "cleartext", "sent"),
    [
        ("https://10.0.0.7:8000/metrics", "llm", True, False, True),
        ("https://10.0.0.7:8000/metrics", "llm", False, False, False),
        ("http://10.0.0.7:8000/metrics", "llm", True, False, False),
        ("http://10.0.0.7:8000/metrics", "llm", False, True, True),
        ("https://10.0.0.7:8000/metrics", "llm", False, True, True),
        ("https://10.0.0.7:8000/metrics", "tenant", True, True, False),
    ],
)
def test_the_token_goes_where_the_configuration_says_and_nowhere_else(
    token: str, url: str, namespace: str, ca: bool, cleartext: bool, sent: bool
) -> None:
    ca_file = str(Path(token).with_name("ca.pem")) if ca else ""
    access = PodAccess(token, frozenset({"llm"}), ca_file, cleartext)
    assert shown(access, url, namespace) == ("Bearer t0ken" if sent else "")


def test_a_token_is_read_again_and_what_is_none_is_not_sent(token: str) -> None:
    credentials = PodCredentials(PodAccess(token, frozenset({"llm"}), cleartext=True))
    for text, header, words in (
        ("new", "Bearer new", ""),
        ("a\nX-Evil: b", "", "does not contain exactly one token"),
        ("naïve", "", "not text"),
    ):
        Path(token).write_text(text, encoding="utf-8")
        credentials.read()
        assert words in credentials.problem
        target = credentials.of_engine(ScrapeTarget("llm", "p", "http://10.0.0.7:8000/metrics"))
        assert target.headers.get("Authorization", "") == header
    Path(token).unlink()
    credentials.read()
    assert "cannot be read" in credentials.problem
    # It has no writer, and must not be waited for.
    os.mkfifo(token)
    credentials.read()
    assert "a regular file is needed" in credentials.problem


async def test_nobody_but_an_engine_that_the_authority_vouches_for_sees_the_token(
    token: str, authority: trustme.CA
) -> None:
    seen: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        seen.append(request.headers.get("Authorization", ""))
        return web.Response(text=PAGE)

    found = {}
    for name, issuer in (("own", authority), ("stranger", trustme.CA())):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # As KServe's: for the name of a Service, not for the address that is asked.
        issuer.issue_cert("chat.llm.svc").configure_cert(context)
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port = runner.addresses[0][1]
        credentials = PodCredentials(PodAccess(token, frozenset({"llm"}), str(Path(token).with_name("ca.pem"))))
        credentials.read()
        source = ScrapeSource()
        target = credentials.of_engine(ScrapeTarget("llm", name, f"https://127.0.0.1:{port}/metrics", ssl=False))
        found[name] = await source.measure([target], 0.0)
        await source.close()
        await runner.cleanup()
    assert seen == ["Bearer t0ken"]
    assert found["own"].unreachable == {}
    assert "certificate is not trusted" in found["stranger"].unreachable["llm/stranger"]


async def test_an_engine_with_a_certificate_of_its_own_is_read_without_secrets() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text=PAGE)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("chat.llm.svc").configure_cert(context)
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    source = ScrapeSource()
    m = await source.measure(
        [ScrapeTarget("llm", "p", f"https://127.0.0.1:{runner.addresses[0][1]}/m", ssl=False)], 0.0
    )
    await source.close()
    await runner.cleanup()
    assert [engine.pod for engine in m.engines] == ["p"]
