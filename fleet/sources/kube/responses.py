"""Answers of an API server: read within limits, decoded, closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

import orjson

from fleet.dataclass import dataclass
from fleet.net.bodies import Body, BodyError, Inflating, Limit
from fleet.net.decoding import decoded
from fleet.sources.kube.errors import ERROR_BODY_LIMIT, NotKubernetesError

if TYPE_CHECKING:
    import aiohttp

_LARGE = 4 * 2**20
"""Size in bytes from which an answer is inspected before it is decoded: empty objects take thirty times their text."""
_BYTES_PER_VALUE = 5
"""Bytes per value of JSON as Kubernetes writes it, at least: the densest, managedFields, has some six."""


@dataclass(frozen=True, slots=True)
class Response:
    """A 2xx answer."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the answer; lookups are case-insensitive."""

    def json(self) -> Any:
        """The body decoded. Raises :class:`NotKubernetesError` for one that is not JSON."""
        return decode(self.body)


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a body without its parameters, as aiohttp has it."""
    value = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return value if value.count("/") == 1 else "application/octet-stream"


async def read_whole(response: aiohttp.ClientResponse, limit: Limit) -> bytes:
    """The body, decoded. Raises BodyError for one that is larger than its limit, or cannot be decoded."""
    body = Body(response.headers.get("Content-Encoding", ""), limit)
    if (response.content_length or 0) > limit.bytes:
        raise limit.exceeded()
    async for chunk in response.content.iter_any():
        body.add(chunk)
    return body.whole()


async def beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the beginning of an error's body; empty if it cannot be decoded."""
    content = bytearray()
    try:
        inflating = Inflating(response.headers.get("Content-Encoding", ""))
        async for chunk in response.content.iter_any():
            for piece in inflating.feed(chunk):
                content += piece
                if len(content) >= ERROR_BODY_LIMIT:
                    return bytes(content[:ERROR_BODY_LIMIT])
    except BodyError:
        return b""
    return bytes(content)


def cut_off(response: aiohttp.ClientResponse) -> None:
    """Close a stream at once; a polite TLS shutdown waits for the other side."""
    transport = response.connection.transport if response.connection is not None else None
    if transport is not None:
        transport.abort()
    response.close()


def decode(body: bytes) -> Any:
    """JSON decoded. Raises :class:`NotKubernetesError` for anything else, saying how it begins."""
    if len(body) > _LARGE and sum(map(body.count, (b",", b"[", b"{"))) > len(body) // _BYTES_PER_VALUE:
        raise NotKubernetesError("the server's answer is JSON with hardly any content but brackets and commas")
    try:
        return decoded(body)
    except orjson.JSONDecodeError as error:
        start = body[:40].decode("utf-8", "replace")
        raise NotKubernetesError(f"the server's answer is not JSON ({error}); it begins {start!r}") from error
