"""Redaction of secrets: every string of a record passes through here, whatever its source.

Values of environment variables, flags and URL parameters are hidden unless they are known to be harmless
(actions.audit.harmless_names); those of fields, if the name suggests a secret; and everywhere, text that looks like
one: a JWT, the prefixes of vendors' tokens, a private key, random letters. The surrounding text stays readable. In
doubt it is hidden: a log that lacks a value is a nuisance, one that contains a password is an incident.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from actions.audit.harmless_names import is_switch
from actions.audit.redaction_marks import MARK
from actions.audit.secret_names import (
    is_secret_field,
    is_secret_flag,
    is_secret_parameter,
    is_secret_variable,
    is_strict_field,
)
from actions.audit.secret_shapes import masked
from actions.audit.yaml_values import REFERENCES

_FLAG: Final = re.compile(r"--?[A-Za-z][\w.-]*")
_DATA: Final = frozenset({"data", "stringData"})
_VARIABLES: Final = frozenset({"env", "environ", "environment", "variables", "env_vars", "envVars"})
_PARAMETERS: Final = frozenset({"query", "params", "parameters"})
_HEADERS: Final = frozenset({"headers", "http_headers", "httpHeaders", "extra_headers"})
_PLAIN_HEADERS: Final = frozenset(
    [
        "accept",
        "accept-encoding",
        "content-type",
        "content-length",
        "host",
        "user-agent",
        "date",
        "server",
        "warning",
        "retry-after",
        "audit-id",
    ]
)
_ENV_VALUE: Final = re.compile(r"/env/(?:\d+|-)/value$")
_VARIABLE_NAME: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


def redacted(value: Any) -> Any:
    """Return a JSON value like ``value`` without its secrets.

    Tuples become lists, numbers without a JSON form become None, and other values become their text.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return redacted_text(str(value))
        case Mapping():
            return _mapping(value)
        case Sequence() | set() | frozenset() if not isinstance(value, bytes | bytearray | memoryview):
            return _items(value)
        case _:
            return redacted_text(str(value))


def redacted_text(text: str) -> str:
    """A text without its secrets; a JSON document stays one."""
    if text[:1] in {"{", "["}:
        # JSON in a string, such as the last-applied-configuration annotation.
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return masked(text)
        clean = redacted(document)
        return text if clean == document else json.dumps(clean)
    return masked(text)


def redacted_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Environment variables as they may be shown: a value is hidden unless it is known to be harmless."""
    return {name: _variable(name, value) for name, value in variables.items()}


def redacted_arguments(words: Iterable[str]) -> list[str]:
    """A command line as it may be shown, word by word."""
    clean: list[str] = _items(words)
    return clean


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    secret = value.get("kind") == "Secret"
    name = value.get("name")
    clean: dict[str, Any] = {}
    for key, item in value.items():
        field = str(key)
        if secret and field in _DATA:
            kept = _emptied(item)
        elif field == "value" and isinstance(name, str) and isinstance(item, str):
            # An environment variable of a manifest; a header; a parameter.
            kept = _variable(name, item)
        elif field == "value" and _patches_secret(str(value.get("path", ""))):
            kept = _emptied(item)
        else:
            kept = _field(field, item)
        clean[redacted_text(field)] = kept
    return clean


def _field(field: str, item: Any) -> Any:
    if isinstance(item, Mapping):
        if field in _VARIABLES:
            return {str(name): _variable(str(name), inner) for name, inner in item.items()}
        if field in _HEADERS:
            return {str(name): _header(str(name), inner) for name, inner in item.items()}
        if field in _PARAMETERS and all(isinstance(inner, str) for inner in item.values()):
            hidden = is_secret_parameter
            return {str(n): MARK if inner and hidden(str(n), inner) else redacted(inner) for n, inner in item.items()}
    if isinstance(item, str):
        if _VARIABLE_NAME.fullmatch(field):
            return _variable(field, item)
        return _emptied(item) if is_secret_field(field, item) else redacted(item)
    if isinstance(item, bytes) or _all_text(item):
        return _emptied(item) if is_secret_field(field) else redacted(item)
    if isinstance(item, Mapping | list | tuple) and is_secret_field(field):
        return _emptied(item) if is_strict_field(field) else _redact_below(item)
    return redacted(item)


def _variable(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return _emptied(value) if is_secret_variable(name, str(value)) else redacted(value)
    return MARK if is_secret_variable(name, value) else redacted_text(value)


def _header(name: str, value: Any) -> Any:
    return redacted(value) if name.lower() in _PLAIN_HEADERS else _emptied(value)


def _all_text(item: Any) -> bool:
    """Headers are often lists of texts."""
    return isinstance(item, list | tuple) and bool(item) and all(isinstance(part, str) for part in item)


def _patches_secret(path: str) -> bool:
    """The path of a JSON patch."""
    last = path.rpartition("/")[2]
    return bool(_ENV_VALUE.search(path)) or "/stringData/" in path or is_secret_field(last)


def _emptied(item: Any) -> Any:
    """Return the same structure, emptied; names of fields are kept."""
    match item:
        case None | bool() | "":
            return item
        case Mapping():
            return {redacted_text(str(key)): _emptied(inner) for key, inner in item.items()}
        case list() | tuple():
            return [_emptied(inner) for inner in item]
        case _:
            return MARK


def _redact_below(item: Any) -> Any:
    """Redact below a field whose name suggests a secret: references to a secret are kept, including numbers in them."""
    match item:
        case Mapping():
            return {
                redacted_text(str(key)): redacted(inner) if str(key).lower() in REFERENCES else _redact_below(inner)
                for key, inner in item.items()
            }
        case list() | tuple():
            return [_redact_below(inner) for inner in item]
        case str():
            return _emptied(item)
        case _:
            return redacted(item)


def _items(value: Iterable[Any]) -> list[Any]:
    """Redact arguments: the one after ``--api-key`` is its value."""
    clean: list[Any] = []
    flag = ""
    for item in value:
        text = item if isinstance(item, str) else ""
        if flag and text and not text.startswith("--") and is_secret_flag(flag, text):
            clean.append(MARK)
            flag = ""
        else:
            clean.append(redacted(item))
            flag = text if _FLAG.fullmatch(text) and not is_switch(text) else ""
    return clean
