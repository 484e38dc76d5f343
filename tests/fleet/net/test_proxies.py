"""The proxy of a URL is the one that kubectl would use."""

from __future__ import annotations

import pytest

from fleet.net.proxies import proxy_for

PROXY = "http://proxy.corp:3128"


@pytest.mark.parametrize(
    ("url", "environ", "proxied"),
    [
        ("https://api.corp", {"HTTPS_PROXY": PROXY}, True),
        ("https://api.corp", {"https_proxy": PROXY}, True),
        ("https://api.corp", {"HTTP_PROXY": PROXY}, False),
        ("http://api.corp", {"HTTP_PROXY": PROXY}, True),
        ("https://api.corp", {"ALL_PROXY": PROXY}, False),
        ("https://api.corp", {}, False),
        ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, False),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": PROXY}, False),
        ("https://127.9.9.9", {"HTTPS_PROXY": PROXY}, False),
        ("https://[::1]:6443", {"HTTPS_PROXY": PROXY}, False),
        ("https://[::ffff:127.0.0.1]", {"HTTPS_PROXY": PROXY}, False),
        ("https://10.0.0.1", {"HTTPS_PROXY": PROXY}, True),
        ("https://172.20.0.1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8, 172.20.0.0/16"}, False),
        ("https://172.21.0.1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,172.20.0.0/16"}, True),
        ("https://[fd00::1]", {"HTTPS_PROXY": PROXY, "no_proxy": "fd00::/8"}, False),
        ("https://10.0.0.1", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.1"}, False),
        ("https://10.0.0.1:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.1:6443"}, False),
        ("https://10.0.0.1:6443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.1:443"}, True),
        ("https://a.corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "corp"}, False),
        ("https://a.corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": ".corp"}, False),
        ("https://corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": ".corp"}, True),
        ("https://corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "corp"}, False),
        ("https://a.corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*.corp"}, False),
        ("https://acorp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "corp"}, True),
        ("https://A.Corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "a.CORP"}, False),
        ("https://a.corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, False),
        ("https://a.corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": ",, ,"}, True),
        ("https://a.corp", {"HTTPS_PROXY": PROXY, "NO_PROXY": "1.2.3.4/99,[,]:,:80"}, True),
    ],
)
def test_kubectls_rules(url: str, environ: dict[str, str], proxied: bool) -> None:
    assert (proxy_for(url, environ) is not None) is proxied


def test_a_proxy_without_a_scheme_speaks_http() -> None:
    found = proxy_for("https://a.corp", {"HTTPS_PROXY": "proxy.corp:3128"})
    assert found is not None
    assert found.url == PROXY


def test_the_password_of_a_proxy_is_not_shown() -> None:
    found = proxy_for("https://a.corp", {"HTTPS_PROXY": "http://me:hunter2@proxy.corp:3128"})
    assert found is not None
    assert found.shown == "the proxy http://proxy.corp:3128 (HTTPS_PROXY)"


@pytest.mark.parametrize("url", ["ftp://x", "http://[::1", "http://a:99999", "http://", "http://a b"])
def test_what_is_no_proxy_says_which_setting_is_wrong(url: str) -> None:
    found = proxy_for("https://a.corp", {"HTTPS_PROXY": url})
    assert found is not None
    assert "HTTPS_PROXY" in found.problem
