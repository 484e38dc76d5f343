"""The plain form: what has one reading passes, the rest is refused with the reason."""

from __future__ import annotations

import pytest

from fleet.net import plain_url
from fleet.net.plain_url import plain, plain_path, segment


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://10.0.0.1:8000/metrics", "http://10.0.0.1:8000", "/metrics"),
        ("https://[fd00::7]:6443/api/v1/pods?watch=1", "https://[fd00::7]:6443", "/api/v1/pods"),
        ("https://rancher.example/k8s/clusters/c-m-1/api", "https://rancher.example", "/k8s/clusters/c-m-1/api"),
        ("http://host", "http://host", ""),
        ("http://host?x=1", "http://host", ""),
        ("/api/v1/namespaces/a/services/https:b:9091/proxy/", "", "/api/v1/namespaces/a/services/https:b:9091/proxy/"),
    ],
)
def test_what_has_one_reading(url: str, origin: str, path: str) -> None:
    assert plain(url) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pw@host/metrics",
        "http://10.0.0.1:8000@evil/metrics",
        "http://10.0.0.1:8000.evil/metrics",
        "http://10.0.0.1:8000metrics",
        "http://host:port/",
        "http:///metrics",
        "ftp://host/x",
        "host/metrics",
        "",
        " /metrics",
        "//host/metrics",
        "/a/./b",
        "/a/..",
        "/a/%2e%2e/b",
        "/a%2fb",
        "/a%5Cb",
        "/a%25b",
        "/%61",
        "/a%",
        "/a%1",
        "/a;b",
        "/a\tb",
        "/a\x7fb",
        "/ä",
        "/a#b",
        "/a?b#c",
        "/a?b c",
    ],
)
def test_what_has_more_than_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"it|its"):
        plain(url)


@pytest.mark.parametrize(("text", "path"), [("/metrics", "/metrics"), ("metrics", "/metrics"), ("/a/b/", "/a/b/")])
def test_a_path_that_somebody_wrote_down(text: str, path: str) -> None:
    assert plain_path(text) == path


@pytest.mark.parametrize(
    "text", ["@h:1/x?a=", "//h/x", "/a?b", "../x", "/a/../b", "/a%20b", "/a@b", "\\\\h\\x", "/a\n"]
)
def test_a_path_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="it"):
        plain_path(text)


@pytest.mark.parametrize(
    ("name", "quoted"), [("a-1", "a-1"), ("a/b", "a%2Fb"), ("https:a", "https:a"), ("a?b", "a%3Fb")]
)
def test_a_name_is_one_segment(name: str, quoted: str) -> None:
    assert segment(name) == quoted


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_dots_are_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        segment(name)


def test_no_query_is_remembered() -> None:
    """A console asks for hours, each time with another moment in a query of some kilobytes."""
    before = plain_url._without_query.cache_info().currsize
    for moment in range(100):
        assert plain(f"http://store.example/api/v1/query?query=up&time={moment}").path == "/api/v1/query"
    assert plain_url._without_query.cache_info().currsize <= before + 1
    with pytest.raises(ValueError, match="query"):
        plain("http://store.example/api/v1/query?query=a#b")
