"""One question for one token, as OpenAI's API has it, and what came of it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
import orjson

from fleet.dataclass import dataclass
from fleet.guard import RefusedError, may_ask
from fleet.model.canary import CanaryOutcome
from fleet.net.http import client

PLAIN: Final = "/v1/completions"
CHAT: Final = "/v1/chat/completions"
USER: Final = "quarterdeck-canary"
"""The ``user`` of the question and its User-Agent, by which logs and limits tell it from the requests of users."""
_LONGEST: Final = 80
"""Characters of a token, and of an error, that are kept."""
_FULL: Final = 503
_HAS_EXPIRED: Final = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""
_OTHER_API: Final = frozenset({404, 405, 501})
"""Statuses of a server without the API of plain completions."""


@dataclass(frozen=True, slots=True)
class CanaryTarget:
    """A server that is asked."""

    base: str
    """``http://10.0.0.7:8000``: without a path."""
    model: str
    key: str = ""
    """Bearer token; empty for none."""


@dataclass(frozen=True, slots=True)
class CanaryReply:
    """The outcome of a question, as ``CanaryAnswer`` has it."""

    outcome: CanaryOutcome
    seconds: float | None = None
    text: str = ""
    problem: str = ""


async def ask_one_token(
    place: CanaryTarget,
    prompt: str,
    timeout: float,  # noqa: ASYNC109 - silence is an answer
    clock: Callable[[], float] = time.perf_counter,
) -> CanaryReply:
    """Request the likeliest token after ``prompt``: greedy, so that equal engines answer the same. Raises nothing.

    A server with only the chat API gets the prompt as a message.
    """
    headers = {"User-Agent": USER} | ({"Authorization": f"Bearer {place.key}"} if place.key else {})
    began = clock()
    try:
        async with client(timeout, may_ask) as http:
            for path in (PLAIN, CHAT):
                began = clock()
                answer = await http.post(f"{place.base}{path}", json=_body(path, place.model, prompt), headers=headers)
                if path == CHAT or answer.status_code not in _OTHER_API:
                    break
    except RefusedError as error:
        return CanaryReply(CanaryOutcome.REFUSED, problem=error.message)
    except httpx.TimeoutException:
        return CanaryReply(CanaryOutcome.SILENT, problem=f"no answer within {timeout:g} s")
    except httpx.HTTPError as error:
        if (untrusted := _untrusted(error)) is not None:
            return untrusted
        return CanaryReply(CanaryOutcome.FAILED, problem=str(error)[:_LONGEST] or type(error).__name__)
    return _reply(answer, clock() - began)


def _untrusted(error: BaseException) -> CanaryReply | None:
    """The outcome at a certificate that cannot be verified; None for another error.

    One that has expired fails for users, too. An issuer or a name that is not known here may well be known to them.
    """
    link: BaseException | None = error
    while link is not None and not isinstance(link, ssl.SSLCertVerificationError):
        link = link.__cause__ or link.__context__
    if link is None:
        return None
    if link.verify_code == _HAS_EXPIRED:
        return CanaryReply(CanaryOutcome.FAILED, problem="its certificate has expired")
    problem = f"nothing was sent, its certificate is not trusted here: {link.verify_message}"
    return CanaryReply(CanaryOutcome.REFUSED, problem=problem[: 2 * _LONGEST])


def _body(path: str, model: str, prompt: str) -> dict[str, Any]:
    asked = {"messages": [{"role": "user", "content": prompt}]} if path == CHAT else {"prompt": prompt}
    return {"model": model, **asked, "max_tokens": 1, "temperature": 0, "seed": 0, "stream": False, "user": USER}


def _reply(answer: httpx.Response, seconds: float) -> CanaryReply:
    status = answer.status_code
    if status >= 500 and status != _FULL:
        return CanaryReply(CanaryOutcome.FAILED, problem=f"answers HTTP {status}")
    if status != httpx.codes.OK:
        wants = ": it requires a key (canary.bearer_token_file)" if status in (401, 403) else ""
        return CanaryReply(CanaryOutcome.REFUSED, problem=f"answers HTTP {status}{wants}")
    token = _completion_text(answer.content)
    if token is None:
        return CanaryReply(CanaryOutcome.FAILED, problem="its answer is not a completion")
    return CanaryReply(CanaryOutcome.ANSWERED, seconds, token[:_LONGEST])


def _completion_text(content: bytes) -> str | None:
    """Return the text of a completion, which may be empty; None for anything else."""
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    choices = document.get("choices") if isinstance(document, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping):
        return None
    message = first.get("message")
    text = message.get("content") if isinstance(message, Mapping) else first.get("text")
    # A reasoning model has no content after one token.
    return text if isinstance(text, str) else "" if isinstance(message, Mapping) else None
