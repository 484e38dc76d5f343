"""Bodies in protobuf: kubectl's typed clients send nothing else, whatever a server declares to accept.

Only the objects that the simulator accepts are known: a schema is a table of field numbers, taken from the
generated.proto files of k8s.io/api. Answers are JSON, which these clients accept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
"""Prefix of the runtime.Unknown that carries the type of the object and the object itself."""

Schema = dict[int, Any]
"""Field number → name of a string field, or (name, schema) of a message."""

_UNKNOWN: Schema = {1: ("typeMeta", {1: "apiVersion", 2: "kind"})}
_RAW = 2
_RESOURCE = {1: "namespace", 2: "verb", 3: "group", 4: "version", 5: "resource", 6: "subresource", 7: "name"}
_SCHEMAS: dict[str, Schema] = {
    "SelfSubjectReview": {},
    "SelfSubjectAccessReview": {
        2: ("spec", {1: ("resourceAttributes", _RESOURCE), 2: ("nonResourceAttributes", {1: "path", 2: "verb"})})
    },
    "SelfSubjectRulesReview": {2: ("spec", {1: "namespace"})},
    "Eviction": {
        1: ("metadata", {1: "name", 3: "namespace"}),
        2: ("deleteOptions", {2: ("preconditions", {1: "uid", 2: "resourceVersion"}), 5: "dryRun"}),
    },
    "DeleteOptions": {2: ("preconditions", {1: "uid", 2: "resourceVersion"}), 4: "propagationPolicy", 5: "dryRun"},
}


def decode(body: bytes) -> dict[str, Any]:
    """Return the object as its JSON would be; empty strings, which Go always sends, are left out.

    Raises ValueError if it is not a protobuf object of Kubernetes, or its kind is unknown.
    """
    if not body.startswith(_MAGIC):
        raise ValueError("the body does not begin as a protobuf object of Kubernetes does")
    envelope = body[len(_MAGIC) :]
    kind: dict[str, str] = _message(envelope, _UNKNOWN).get("typeMeta", {})
    schema = _SCHEMAS.get(kind.get("kind", ""))
    if schema is None:
        raise ValueError(f"kind {kind.get('kind', '')!r} is not taken in protobuf")
    raw = b"".join(value for number, value in _fields(envelope) if number == _RAW)
    return kind | _message(raw, schema)


def _message(data: bytes, schema: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        match schema.get(number):
            case (str(name), dict(inner)):
                found[name] = _message(value, inner)
            case str(name) if value:
                found[name] = value.decode()
    return found


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message: strings and messages; the numbers among them are passed over."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            _, at = _varint(data, at)
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            if at + length > len(data):
                raise ValueError("a protobuf field is longer than its message")
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            raise ValueError(f"protobuf wire type {tag & 7} has no place in these objects")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a protobuf number does not end")
