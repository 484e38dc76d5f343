"""A prompt to a server: the request, the measurement, and the message if there is no answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from actions.local import prompt as module
from actions.local.prompt import ask
from fleet import guard
from fleet.guard import LOGS, PROXY
from fleet.local.engine_answer import Piece
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord
from tests.actions.local.engine import KEY, Engine, Wire, engine, record, refuse, stream
from tests.ports import free_port
from tests.waiting import PATIENCE

CHAT, PLAIN = "/v1/chat/completions", "/v1/completions"
DONE = "data: [DONE]\n\n"
NO_TEMPLATE = json.dumps(
    {
        "error": {
            "message": "As of transformers v4.44, default chat template is no longer allowed, so you must provide a "
            "chat template if the tokenizer does not define one.",
            "type": "BadRequestError",
            "code": 400,
        }
    }
)


def event(choice: dict[str, Any] | None = None, **more: Any) -> str:
    return f"data: {json.dumps({'choices': [choice] if choice else [], **more})}\n\n"


def content_event(text: str, stopped: str | None = None) -> str:
    return event({"delta": {"content": text}, "finish_reason": stopped})


def continued(text: str, stopped: str | None = None) -> str:
    return event({"text": text, "finish_reason": stopped})


ROLE = event({"delta": {"role": "assistant", "content": ""}, "finish_reason": None})
USAGE = event(usage={"completion_tokens": 5, "prompt_tokens": 2})


@pytest.fixture
async def at() -> AsyncIterator[Engine]:
    async with engine() as found:
        yield found


@pytest.fixture
def server(at: Engine, tmp_path: Path) -> ServerRecord:
    return record(tmp_path / "n1", at.port)


async def pieces(server: ServerRecord, **more: Any) -> list[Piece]:
    return [piece async for piece in ask(server, "tiny", "hello", tokens=16, **more)]


async def failed(server: ServerRecord) -> LocalError:
    with pytest.raises(LocalError) as caught:
        await pieces(server)
    assert KEY not in f"{caught.value.message} {caught.value.remedy}"
    return caught.value


async def test_what_is_asked_is_what_openai_compatible_engines_take(at: Engine, server: ServerRecord) -> None:
    at.answers[CHAT] = stream(ROLE, content_event("Hi"), content_event(" there", "stop"), USAGE, DONE)
    last = (await pieces(server))[-1]
    assert (last.text, last.tokens, last.done, last.stopped) == ("Hi there", 5, True, "stop")
    (asked,) = at.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("POST", CHAT, f"Bearer {KEY}")
    assert asked.body == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 16,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_no_key_is_sent_where_none_is_asked_for(at: Engine, tmp_path: Path) -> None:
    at.answers[CHAT] = stream(content_event("Hi", "stop"), DONE)
    await pieces(record(tmp_path / "open", at.port, keyed=False))
    assert "authorization" not in at.asked[0].headers


async def test_times_are_those_of_the_tokens(at: Engine, server: ServerRecord) -> None:
    release = [asyncio.Event() for _ in range(2)]

    async def answer(wire: Wire) -> None:
        await wire.begin()
        # The role alone is not a token, and is not reported.
        await wire.send(ROLE)
        for gate, packet in zip(release, (content_event("one"), content_event(" two", "length")), strict=True):
            await gate.wait()
            await wire.send(packet)
        await wire.send(USAGE + DONE)
        await wire.end()

    at.answers[CHAT] = answer
    now = 100.0
    stream_of = ask(server, "tiny", "hello", tokens=16, clock=lambda: now)
    following = asyncio.ensure_future(anext(stream_of))
    await at.came.wait()
    now = 102.0
    release[0].set()
    first = await following
    assert (first.text, first.ttft, first.tokens, first.rate, first.done) == ("one", 2.0, 1, None, False)
    following = asyncio.ensure_future(anext(stream_of))
    now = 104.0
    release[1].set()
    rest = [await following, *[piece async for piece in stream_of]]
    last = rest[-1]
    # Four of the five that the server counted came after the first one, within two seconds.
    assert (last.text, last.ttft, last.tokens, last.rate, last.elapsed) == ("one two", 2.0, 5, 2.0, 4.0)
    assert (last.done, last.stopped) == (True, "length")


async def test_half_characters_are_tokens_and_the_end_alone_is_none(at: Engine, server: ServerRecord) -> None:
    at.answers[CHAT] = stream(ROLE, content_event(""), content_event("é"), content_event("", "stop"), DONE)
    ticks = count()
    last = (await pieces(server, clock=lambda: float(next(ticks))))[-1]
    assert (last.text, last.tokens) == ("é", 2)


async def test_reasoning_stands_before_the_answer(at: Engine, server: ServerRecord) -> None:
    thought = event({"delta": {"reasoning_content": "hm"}, "finish_reason": None})
    other = event({"delta": {"reasoning": "mm"}, "finish_reason": None})
    at.answers[CHAT] = stream(ROLE, thought, other, content_event("42", "stop"), DONE)
    assert (await pieces(server))[-1].text == "hmmm\n\n42"


async def test_a_model_without_a_chat_template_gets_the_bare_prompt(at: Engine, server: ServerRecord) -> None:
    at.answers[CHAT] = refuse(400, NO_TEMPLATE)
    at.answers[PLAIN] = stream(continued("ab"), continued("c", "length"), USAGE, DONE)
    assert (await pieces(server))[-1].text == "abc"
    assert [asked.path for asked in at.asked] == [CHAT, PLAIN]
    assert at.asked[1].body["prompt"] == "hello"
    assert "messages" not in at.asked[1].body


async def test_an_engine_without_chat_gets_it_too_and_is_asked_no_third_time(at: Engine, server: ServerRecord) -> None:
    assert "does not serve tiny" in (await failed(server)).message
    assert [asked.path for asked in at.asked] == [CHAT, PLAIN]


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, '{"error":"Unauthorized"}', "refuses its API key"),
        (404, '{"error":{"message":"The model `tiny` does not exist."}}', "does not serve tiny: The model"),
        (400, '{"error":{"message":"This model\'s maximum context length is 1024 tokens."}}', "too long"),
        (400, '{"object":"error","message":"max_tokens=5000 cannot be greater than max_model_len=1024"}', "too long"),
        (400, '{"error":{"message":"no","code":"context_length_exceeded"}}', "too long"),
        (422, '{"detail":[{"msg":"field required"}]}', "did not answer (422)"),
        (503, "busy", "accepts no requests now (503): busy"),
        (500, '{"error":{"message":"EngineCore encountered an issue"}}', "did not answer (500): EngineCore"),
        (500, f'{{"error":"bad key {KEY}"}}', "bad key …"),
        (502, "<html>" + "x" * 5000, "did not answer (502)"),
    ],
)
async def test_what_it_refuses_is_said(at: Engine, server: ServerRecord, status: int, body: str, words: str) -> None:
    at.answers[CHAT] = refuse(status, body)
    error = await failed(server)
    assert words in error.message
    assert len(error.message) < 700
    assert len(at.asked) == 1


async def test_nobody_there_is_said(server: ServerRecord, tmp_path: Path) -> None:
    gone = record(tmp_path / "gone", free_port())
    assert "does not accept connections" in (await failed(gone)).message
    (Path(server.folder) / "key").unlink()
    assert "API key of n1 cannot be read" in (await failed(server)).message


async def test_silence_is_given_up(at: Engine, server: ServerRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(wire: Wire) -> None:
        await wire.begin()
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "SILENCE", 0.2)
    at.answers[CHAT] = hang
    assert "sent nothing" in (await failed(server)).message


async def test_an_error_in_the_middle_of_an_answer_is_said(at: Engine, server: ServerRecord) -> None:
    broken = 'data: {"error":{"message":"EngineCore encountered an issue","code":500}}\n\n'
    at.answers[CHAT] = stream(content_event("Hi"), broken, DONE)
    assert "EngineCore encountered an issue" in (await failed(server)).message


async def test_a_connection_that_breaks_is_no_answer(at: Engine, server: ServerRecord) -> None:
    async def cut(wire: Wire) -> None:
        await wire.begin()
        await wire.send(content_event("Hi"))

    at.answers[CHAT] = cut
    assert "broke after 1 tokens" in (await failed(server)).message
    at.answers[CHAT] = stream(content_event("Hi"))
    assert "broke off after 1 tokens" in (await failed(server)).message
    at.answers[CHAT] = stream("data: {half\n\n")
    assert "invalid JSON" in (await failed(server)).message


async def test_closing_it_ends_the_request_at_once(at: Engine, server: ServerRecord) -> None:
    async def endless(wire: Wire) -> None:
        await wire.begin()
        await wire.send(content_event("Hi"))
        await asyncio.Event().wait()

    at.answers[CHAT] = endless
    answer = ask(server, "tiny", "hello", tokens=16)
    assert (await anext(answer)).text == "Hi"
    assert not at.gone.is_set()
    await answer.aclose()
    await asyncio.wait_for(at.gone.wait(), PATIENCE)


async def test_cancelling_it_ends_the_request_at_once(at: Engine, server: ServerRecord) -> None:
    async def silent(wire: Wire) -> None:
        await wire.begin()
        await asyncio.Event().wait()

    at.answers[CHAT] = silent
    asking = asyncio.ensure_future(pieces(server))
    await at.came.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(at.gone.wait(), PATIENCE)


async def test_read_only_sends_nothing(at: Engine, server: ServerRecord) -> None:
    guard.lock({LOGS, PROXY})
    assert "read-only" in (await failed(server)).message
    assert not at.asked
