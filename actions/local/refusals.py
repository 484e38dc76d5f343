"""Refusals of a prompt, in words. Every engine has its own JSON for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from fleet.dataclass import dataclass
from fleet.local.errors import LocalError
from fleet.local.record import KEY, ServerRecord

_LONGEST: Final = 500
"""Characters of its message that are shown."""
_TOO_LONG: Final = ("context length", "max_model_len", "context_length_exceeded", "too long", "context window")
"""Words of vLLM, SGLang, llama.cpp and TGI for a prompt that does not fit."""
_NO_CHAT: Final = ("chat template", "chat_template", "template not found", "does not support chat")
_NOT_FOUND, _UNAUTHORIZED, _FORBIDDEN, _TOO_LARGE, _MANY, _UNAVAILABLE = 404, 401, 403, 413, 429, 503


@dataclass(frozen=True, slots=True)
class EngineRefusal:
    """The status and the body of an answer that is none."""

    status: int
    body: str

    @classmethod
    def in_answer(cls, document: Mapping[str, Any]) -> EngineRefusal:
        """A refusal in the middle of an answer."""
        error = document.get("error")
        code = error.get("code") if isinstance(error, dict) else document.get("code")
        return cls(code if isinstance(code, int) else 0, orjson.dumps(document).decode())

    @property
    def text(self) -> str:
        """The engine's own words, without its JSON."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            found = self.body
        # vLLM and OpenAI: {"error": {"message"}}; Ollama and TGI: {"error": "…"}; FastAPI: {"detail"}.
        while isinstance(found, dict):
            found = next((found[name] for name in ("error", "message", "detail") if found.get(name)), "")
        text = " ".join(str(found).split())
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"

    @property
    def no_chat(self) -> bool:
        """True if it cannot chat, and may be able to continue a text: no chat template, or no such endpoint."""
        text = self.text.lower()
        return any(words in text for words in _NO_CHAT) or (self.status == _NOT_FOUND and "model" not in text)

    @property
    def too_long(self) -> bool:
        """True if the prompt and the requested tokens exceed the model's length."""
        body = self.body.lower()
        return self.status == _TOO_LARGE or any(words in body for words in _TOO_LONG)


def in_words(refusal: EngineRefusal, server: ServerRecord, model: str, key: str) -> LocalError:
    """Return the problem and the remedy; never with the key in it, whatever the server answers."""
    text = refusal.text.replace(key, "…") if key else refusal.text
    why = f": {text}" if text else ""
    name = server.name
    if refusal.status in (_UNAUTHORIZED, _FORBIDDEN):
        if not server.keyed:
            return LocalError(f"{name} requires an API key, and none is known here{why}")
        return LocalError(
            f"{name} refuses its API key{why}", f"Is {server.folder}/{KEY} the one that it was started with?"
        )
    if refusal.too_long:
        return LocalError(f"the prompt is too long{why}", "Shorten it, or ask for fewer tokens.")
    if refusal.status == _NOT_FOUND:
        return LocalError(f"{name} does not serve {model}{why}", "/v1/models lists what it serves.")
    if refusal.status in (_MANY, _UNAVAILABLE):
        return LocalError(f"{name} accepts no requests now ({refusal.status}){why}", "It may be stopping, or full.")
    status = f" ({refusal.status})" if refusal.status else ""
    return LocalError(f"{name} did not answer{status}{why}", "See its log." if refusal.status >= 500 else "")
