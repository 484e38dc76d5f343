"""The fields of a kubeconfig and their types, as kubectl decodes them (client-go, ``clientcmd/api/v1``).

A value of another type is refused and never converted: the text ``"false"`` is truthy, and would turn verification off.
Fields unknown to kubectl are ignored, as it does; a null is the same as absence. No message repeats a value: any of
them may be a secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from fleet.sources.kube.errors import KubeconfigError

Place = str
"""Place of a value, in words: ``token of user 'chat' in /home/a/.kube/config``."""
Field = Callable[[Any, Place], Any]
"""Checks a value that is not null; gives it ready for use. Raises KubeconfigError."""

_NAMES: Final = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}


def _mistyped(value: object, place: Place, wanted: str) -> KubeconfigError:
    found = _NAMES.get(type(value), f"a {type(value).__name__}")
    quoted = " Write it in quotes." if wanted == "text" and found in ("a number", "a boolean") else ""
    bare = " Write true or false without quotes." if wanted.startswith("a boolean") and found == "text" else ""
    return KubeconfigError(
        f"{place} is not {wanted} but {found}", f"Correct the file; kubectl rejects it as well.{quoted}{bare}"
    )


def string(value: Any, place: Place) -> str:
    """A string; kubectl takes no number for one."""
    if not isinstance(value, str):
        raise _mistyped(value, place, "text")
    return value


def boolean(value: Any, place: Place) -> bool:
    """Return true or false; anything else is an error."""
    if not isinstance(value, bool):
        raise _mistyped(value, place, "a boolean (true or false)")
    return value


def data(value: Any, place: Place) -> str:
    """Base64, over one line or several."""
    text = string(value, place)
    try:
        base64.b64decode("".join(text.split()).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise KubeconfigError(
            f"{place} is not base64: {error}", "Copy the entry again: it is truncated or edited."
        ) from error
    return text


def unchecked(value: Any, place: Place) -> Any:
    """Return the value of an extension unchecked: only its author knows its type."""
    del place
    return value


def list_of(element: Field, empty: Any) -> Field:
    """A list; a null in it is ``empty``."""

    def check(value: Any, place: Place) -> list[Any]:
        if not isinstance(value, list):
            raise _mistyped(value, place, "a list")
        return [
            empty if item is None else element(item, f"item {number} of {place}") for number, item in enumerate(value)
        ]

    return check


def map_of(element: Field, empty: Any) -> Field:
    """A mapping with keys of any name."""

    def check(value: Any, place: Place) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mistyped(value, place, "a mapping")
        return {name: empty if item is None else element(item, f"{name!r} in {place}") for name, item in value.items()}

    return check


def struct(fields: Mapping[str, Field]) -> Field:
    """Return a checker for a mapping of known fields; null and unknown fields are dropped."""

    def check(value: Any, place: Place) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _mistyped(value, place, "a mapping")
        return {
            name: check_field(value[name], f"{name} of {place}")
            for name, check_field in fields.items()
            if value.get(name) is not None
        }

    return check


_STRINGS = list_of(string, "")
_EXTENSIONS = list_of(struct({"name": string, "extension": unchecked}), {})

CLUSTER: Final = struct(
    {
        "server": string,
        "tls-server-name": string,
        "insecure-skip-tls-verify": boolean,
        "certificate-authority": string,
        "certificate-authority-data": data,
        "proxy-url": string,
        "disable-compression": boolean,
        "extensions": _EXTENSIONS,
    }
)
_EXEC = struct(
    {
        "command": string,
        "args": _STRINGS,
        "env": list_of(struct({"name": string, "value": string}), {}),
        "apiVersion": string,
        "installHint": string,
        "provideClusterInfo": boolean,
        "interactiveMode": string,
    }
)
USER: Final = struct(
    {
        "client-certificate": string,
        "client-certificate-data": data,
        "client-key": string,
        "client-key-data": data,
        "token": string,
        "tokenFile": string,
        "as": string,
        "as-uid": string,
        "as-groups": _STRINGS,
        "as-user-extra": map_of(_STRINGS, []),
        "username": string,
        "password": string,
        "auth-provider": struct({"name": string, "config": map_of(string, "")}),
        "exec": _EXEC,
        "extensions": _EXTENSIONS,
    }
)
CONTEXT: Final = struct({"cluster": string, "user": string, "namespace": string, "extensions": _EXTENSIONS})
TOP: Final = struct(
    {
        "apiVersion": string,
        "kind": string,
        "current-context": string,
        "preferences": struct({"colors": boolean, "extensions": _EXTENSIONS}),
        "extensions": _EXTENSIONS,
    }
)
"""Fields beside the lists of clusters, users and contexts."""
