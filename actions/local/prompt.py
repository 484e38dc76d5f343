"""Sending a prompt to a server and streaming its answer, with the time to its first token and the tokens per second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

import httpx
import orjson

from actions.local.events import LONGEST, Events
from actions.local.refusals import EngineRefusal, in_words
from fleet.dataclass import dataclass
from fleet.guard import RefusedError, may_ask
from fleet.local.api_keys import key_for
from fleet.local.engine_answer import Piece
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord
from fleet.net.http import client

SILENCE: Final = 60.0
"""Seconds without a byte after which it gives up: a busy engine delays a request, but not for ever."""
CHAT: Final = "/v1/chat/completions"
PLAIN: Final = "/v1/completions"
_END: Final = "[DONE]"


async def ask(
    server: ServerRecord, model: str, prompt: str, *, tokens: int, clock: Callable[[], float] = time.perf_counter
) -> AsyncGenerator[Piece, None]:
    """Send ``prompt`` to the served ``model`` and stream at most ``tokens`` tokens; close it to stop it at once.

    A model without a chat template gets the bare prompt. Works with every engine with OpenAI's API. Raises LocalError,
    also in read-only mode; the API key is never in it.
    """
    key = await asyncio.to_thread(key_for, server)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = _AnswerStream(clock)
    try:
        async with client(SILENCE, may_ask, stream=True) as http:
            for path in (CHAT, PLAIN):
                body = _body(path, model, prompt, tokens)
                answer.sent()
                async with http.stream("POST", f"{server.spec.url}{path}", json=body, headers=headers) as response:
                    if response.status_code != httpx.codes.OK:
                        refusal = EngineRefusal(response.status_code, await _text(response))
                        if path == CHAT and refusal.no_chat:
                            continue
                        raise in_words(refusal, server, model, key)
                    async for piece in _stream(response, answer, server, model, key):
                        yield piece
                return
    except RefusedError as error:
        raise LocalError(error.message, error.remedy) from error
    except httpx.TimeoutException as error:
        raise LocalError(
            f"{server.name} sent nothing for {SILENCE:.0f} s", "Is it overloaded, or does it hang? See its log."
        ) from error
    except httpx.ConnectError as error:
        raise LocalError(
            f"{server.name} does not accept connections at {server.spec.url}", "Is it still loading, or has it ended?"
        ) from error
    except httpx.TransportError as error:
        came = f" after {answer.tokens} tokens" if answer.tokens else ""
        raise LocalError(f"the connection to {server.name} broke{came}", "Has it ended? See its log.") from error


async def _stream(
    response: httpx.Response, answer: _AnswerStream, server: ServerRecord, model: str, key: str
) -> AsyncGenerator[Piece, None]:
    """Yield a piece for each packet with content, then the last one."""
    events = Events()
    async for packet in response.aiter_bytes():
        changed = False
        for data in events.feed(packet):
            changed |= _read_event(data, answer, server, model, key)
        if changed and not answer.over:
            yield answer.piece()
    for data in events.feed(b"", final=True):
        _read_event(data, answer, server, model, key)
    if not answer.stopped and not answer.over:
        raise LocalError(f"the answer of {server.name} broke off after {answer.tokens} tokens", "See its log.")
    yield answer.piece(done=True)


def _read_event(data: str, answer: _AnswerStream, server: ServerRecord, model: str, key: str) -> bool:
    """Process one event; return whether it has content."""
    if data.strip() == _END:
        answer.over = True
        return False
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise LocalError(f"{server.name} sent invalid JSON in its answer") from error
    if not isinstance(document, dict):
        raise LocalError(f"{server.name} sent something that is not part of an answer")
    if document.get("error") or document.get("object") == "error":
        # The answer began with 200: later errors can only be reported inside it.
        raise in_words(EngineRefusal.in_answer(document), server, model, key)
    return answer.add(document)


class _AnswerStream:
    """Counts tokens and measures times of an answer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self._first: float | None = None
        self._text: list[str] = []
        self._thinking = False
        self.tokens = 0
        self.stopped = ""
        self.over = False
        """True once it has announced its end."""

    def sent(self) -> None:
        """The prompt leaves now."""
        self._began = self._last = self._clock()

    def add(self, document: Mapping[str, Any]) -> bool:
        """Process one chunk of the answer; return whether it has content."""
        now = self._clock()
        chunk = _Chunk.parse(document)
        if chunk.is_token:
            self._first = now if self._first is None else self._first
            self.tokens += 1
        if chunk.is_token or chunk.stopped:
            self._last = now
        if chunk.text:
            # Reasoning comes first; the first text of the answer marks its end.
            self._text.append("\n\n" if self._thinking and not chunk.thought else "")
            self._text.append(chunk.text)
            self._thinking = chunk.thought
        self.stopped = chunk.stopped or self.stopped
        self.tokens = self.tokens if chunk.counted is None else chunk.counted
        return chunk.is_token

    def piece(self, *, done: bool = False) -> Piece:
        """Return the answer so far."""
        first = self._first
        since = self._last - first if first is not None else 0.0
        return Piece(
            "".join(self._text),
            (self._last if done else self._clock()) - self._began,
            None if first is None else first - self._began,
            self.tokens,
            (self.tokens - 1) / since if since > 0 and self.tokens > 1 else None,
            done,
            self.stopped if done else "",
        )


@dataclass(frozen=True, slots=True)
class _Chunk:
    text: str = ""
    thought: bool = False
    """True for a part of the model's reasoning."""
    is_token: bool = False
    stopped: str = ""
    counted: int | None = None
    """Output tokens as the server counts them."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> _Chunk:
        """Parse a chunk of either endpoint; missing fields are left empty."""
        usage = document.get("usage")
        counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
        counted = counted if isinstance(counted, int) else None
        choices = document.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
        if choice is None:
            return cls(counted=counted)
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        thought = _str(delta.get("reasoning_content")) or _str(delta.get("reasoning"))
        text = thought or _str(delta.get("content")) or _str(choice.get("text"))
        stopped = _str(choice.get("finish_reason"))
        # A token may be half a character, and empty until the other half arrives. The first chunk of a chat has only
        # the role, and the last one of some engines only the finish reason.
        is_token = bool(text) or (not stopped and "role" not in delta)
        return cls(text, bool(thought), is_token, stopped, counted)


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _body(path: str, model: str, prompt: str, tokens: int) -> dict[str, Any]:
    asked = {"messages": [{"role": "user", "content": prompt}]} if path == CHAT else {"prompt": prompt}
    return {
        "model": model,
        **asked,
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def _text(response: httpx.Response) -> str:
    """Return the body, up to a limit."""
    body = bytearray()
    async for packet in response.aiter_bytes():
        body += packet
        if len(body) > LONGEST:
            break
    return body.decode(errors="replace")
