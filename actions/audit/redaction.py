"""Keeps secrets out of the log: every string of a record goes through here, wherever it came from.

What gives a secret away is its name (a key, a flag, a header, an environment variable, a query parameter) or its shape
(a JWT, the prefixes that vendors give their tokens, a private key). What stands around it stays readable. When in doubt
it goes: a log that lacks a value is a nuisance, one that has a password is an incident.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from actions.audit.shapes import MARK, masked

_WORDS: Final = re.compile(
    r"(?:key|token|secret|passw(?:or)?d|passphrase|pwd|credentials?|authorization|cookie|jwt|signature)s?(?![a-z])",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(r"(?:^keys?|[-_.](?:name|ref|file|path|type|class|namespace|mode|ids?|count|limit))$")
"""``key`` alone is Kubernetes' word for a label's or a taint's; the endings say that it is something about a secret."""
_ENVIRONMENT: Final = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|_PWD|CREDENTIAL|AUTHORIZATION|COOKIE", re.IGNORECASE
)
_TOKENIZER: Final = re.compile(r"TOKENI[SZ]ERS?", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9_.,]*")
_FLAG: Final = re.compile(r"--?[A-Za-z][\w.-]*")
_DATA: Final = frozenset({"data", "stringData"})
_ENV_VALUE: Final = re.compile(r"/env/(?:\d+|-)/value$")


def redacted(value: Any) -> Any:
    """A JSON value like ``value`` without the secrets in it.

    Tuples become lists, numbers that JSON has no word for become None, and what is no JSON value becomes its text.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return _text(str(value))
        case Mapping():
            return _mapping(value)
        case Sequence() | set() | frozenset() if not isinstance(value, bytes | bytearray | memoryview):
            return _items(value)
        case _:
            return _text(str(value))


def says_secret(name: str, value: str = "") -> bool:
    """Whether the value of something with this name (a field, a flag, a parameter) is a secret.

    The number of ``--max-num-batched-tokens`` is none.
    """
    if _counts(name, value):
        return False
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    named = _WORDS.search(parts) is not None or name.endswith("-data")
    return named and _HARMLESS.search(parts.lower()) is None


def says_secret_variable(name: str, value: str = "") -> bool:
    """Whether the value of an environment variable of this name is a secret."""
    if _counts(name, value):
        return False
    return _ENVIRONMENT.search(_TOKENIZER.sub("", name)) is not None


def _counts(name: str, value: str) -> bool:
    return name.lower().endswith("tokens") and _NUMBER.fullmatch(value) is not None


def _text(text: str) -> str:
    if text[:1] in {"{", "["}:
        # JSON in a string, such as the last-applied-configuration annotation.
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return masked(text, says_secret, says_secret_variable)
        clean = redacted(document)
        return text if clean == document else json.dumps(clean)
    return masked(text, says_secret, says_secret_variable)


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    secret = value.get("kind") == "Secret"
    name = value.get("name")
    clean: dict[str, Any] = {}
    for key, item in value.items():
        field = str(key)
        hidden = (
            (secret and field in _DATA)
            or (field == "value" and isinstance(name, str) and says_secret_variable(name, str(item)))
            or (field == "value" and _patches_secret(str(value.get("path", ""))))
        )
        clean[_text(field)] = _hidden(item) if hidden or _sensitive(field, item) else redacted(item)
    return clean


def _sensitive(field: str, item: Any) -> bool:
    if not (isinstance(item, str | bytes) or _all_text(item)):
        return False
    return says_secret_variable(field, str(item)) if field.isupper() else says_secret(field, str(item))


def _all_text(item: Any) -> bool:
    """Headers are often lists of texts."""
    return isinstance(item, list | tuple) and bool(item) and all(isinstance(part, str) for part in item)


def _patches_secret(path: str) -> bool:
    """The path of a JSON patch."""
    return bool(_ENV_VALUE.search(path)) or "/stringData/" in path or says_secret(path.rpartition("/")[2])


def _hidden(item: Any) -> Any:
    """The same shape with nothing in it; names of fields stay."""
    match item:
        case None | bool() | "":
            return item
        case Mapping():
            return {str(key): _hidden(inner) for key, inner in item.items()}
        case list() | tuple():
            return [_hidden(inner) for inner in item]
        case _:
            return MARK


def _items(value: Iterable[Any]) -> list[Any]:
    """Arguments: the one behind ``--api-key`` is its value."""
    clean: list[Any] = []
    flag = ""
    for item in value:
        text = item if isinstance(item, str) else ""
        if flag and text and not text.startswith("--") and says_secret(flag, text):
            clean.append(MARK)
            flag = ""
        else:
            clean.append(redacted(item))
            flag = text if _FLAG.fullmatch(text) else ""
    return clean
