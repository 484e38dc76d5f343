"""Answers of a simulated vLLM server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.fleet_support import value
from tests.simulator.test_exposition import busy, server

RECORDINGS = Path(__file__).parents[3] / "shared/recordings/vllm-0.32"


def recorded(name: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of a recorded response."""
    if not RECORDINGS.exists():
        pytest.skip("the recordings are not beside the checkout")
    head, _, body = (RECORDINGS / name).read_text().replace("\r\n", "\n").partition("\n\n")
    return int(head.split()[1]), json.loads(body)


def completion(**fields: object) -> bytes:
    return json.dumps({"model": "tiny", "prompt": "Hello", "max_tokens": 1} | fields).encode()


@pytest.mark.contract
@pytest.mark.parametrize(
    ("name", "fields"), [("error-404-model.http", {"model": "nope"}), ("error-400-too-long.http", {"max_tokens": 5000})]
)
def test_errors_are_those_of_a_real_server(name: str, fields: dict[str, object]) -> None:
    answer = server().respond("POST", "/v1/completions", completion(**fields))
    assert (answer.status, json.loads(answer.body)) == recorded(name)


@pytest.mark.contract
def test_the_list_of_models_is_that_of_a_real_server() -> None:
    _, expected = recorded("v1-models.http")
    card = json.loads(server().respond("GET", "/v1/models", b"").body)["data"][0]
    for own in (card, expected["data"][0]):
        own["created"] = 0
        own["permission"][0] |= {"id": "", "created": 0}
    assert card == expected["data"][0]


def test_health_is_an_empty_200() -> None:
    answer = server().respond("GET", "/health", b"")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("route", ["/v1/completions", "/v1/chat/completions"])
def test_a_completion_has_the_tokens_asked_for_and_is_counted(route: str) -> None:
    target = server()
    answer = target.respond("POST", route, completion(max_tokens=3))
    content = json.loads(answer.body)
    assert answer.status == 200
    assert content["usage"]["completion_tokens"] == 3
    assert content["model"] == "tiny"
    assert value(target.metrics(), "http_requests_total", handler=route, status="2xx") == 1


def test_a_busy_engine_answers_later() -> None:
    idle = server().respond("POST", "/v1/completions", completion())
    loaded = busy().respond("POST", "/v1/completions", completion())
    assert loaded.delay > idle.delay > 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"max_tokens":"many"}'])
def test_a_bad_body_is_a_400(body: bytes) -> None:
    target = server()
    answer = target.respond("POST", "/v1/completions", body)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["type"] == "BadRequestError"
    assert value(target.metrics(), "http_requests_total", handler="/v1/completions", status="4xx") == 1


def test_an_unknown_path_is_a_404() -> None:
    target = server()
    answer = target.respond("GET", "/nope", b"")
    assert (answer.status, json.loads(answer.body)) == (404, {"detail": "Not Found"})
    assert value(target.metrics(), "http_requests_total", handler="none", status="4xx") == 1
