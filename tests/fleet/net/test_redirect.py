"""Redirects of a scrape stay with the server that was asked."""

from __future__ import annotations

import pytest

from fleet.model.problem import SourceProblem
from fleet.net.redirect import followed

POD = "http://10.0.0.7:8000/metrics"
PROXY = "/api/v1/namespaces/llm/pods/a:8000/proxy/metrics"


@pytest.mark.parametrize(
    ("url", "location", "place"),
    [
        (POD, "/metrics/", "http://10.0.0.7:8000/metrics/"),
        (POD, "http://10.0.0.7:8000/metrics/?a=b#c", "http://10.0.0.7:8000/metrics/?a=b"),
        (POD, "metrics/", "http://10.0.0.7:8000/metrics/"),
        ("https://[fd00::7]:1/metrics", "/m", "https://[fd00::7]:1/m"),
        (PROXY, f"{PROXY}/", f"{PROXY}/"),
        (PROXY, f"https://api.example.com:6443{PROXY}/", f"{PROXY}/"),
    ],
)
def test_another_path_of_the_same_server_is_followed(url: str, location: str, place: str) -> None:
    assert followed(url, location) == place


@pytest.mark.parametrize(
    ("url", "location"),
    [
        (POD, "http://10.0.0.8:8000/metrics"),
        (POD, "http://10.0.0.7:9999/metrics"),
        (POD, "https://10.0.0.7:8000/metrics"),
        (POD, "//evil.example.com/metrics"),
        (POD, "http://10.0.0.7:8000@evil/metrics"),
        (POD, "file:///etc/passwd"),
        (POD, "http://[broken/"),
        (PROXY, "/api/v1/secrets"),
        (PROXY, "/api/v1/namespaces/llm/pods/b:8000/proxy/metrics"),
        (PROXY, "../../../../../secrets"),
    ],
)
def test_another_server_is_not_asked(url: str, location: str) -> None:
    with pytest.raises(SourceProblem, match="redirects to"):
        followed(url, location)
