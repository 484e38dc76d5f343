"""Dates of certificates, as they are seen at a handshake or stand in a file. Nothing is asked for them."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

_SEQUENCE, _VERSION, _UTC_TIME, _GENERAL_TIME = 0x30, 0xA0, 0x17, 0x18
"""Tags of DER (X.690) that stand before the dates of a certificate (RFC 5280, section 4.1)."""
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_CENTURY: Final = 50
"""Years of two digits from this one on are of the century before (RFC 5280, section 4.1.2.5.1)."""


class Validity(NamedTuple):
    """The time for which a certificate is good, Unix seconds."""

    begins: float
    ends: float


def validity_of(der: bytes) -> Validity | None:
    """Return the dates of a certificate in DER; None if it is not a certificate."""
    try:
        body = _value(der, 0, _SEQUENCE)
        signed = _value(body, 0, _SEQUENCE)
        at = _end(signed, 0) if signed[0] == _VERSION else 0
        # Serial number, algorithm and issuer come first.
        for _ in range(3):
            at = _end(signed, at)
        dates = _value(signed, at, _SEQUENCE)
        return Validity(_moment(dates, 0), _moment(dates, _end(dates, 0)))
    except (IndexError, ValueError, OverflowError):
        return None


def validity_in(pem: bytes) -> Validity | None:
    """Return the dates of the first certificate of a PEM file, which is its owner's; None where there is none."""
    found = _BLOCK.search(pem)
    if found is None:
        return None
    try:
        return validity_of(base64.b64decode(found[1]))
    except ValueError:
        return None


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return where the value of an element begins, and its length. Raises IndexError and ValueError."""
    first = data[at + 1]
    if first < 0x80:
        return at + 2, first
    size = first & 0x7F
    if not 1 <= size <= 4:
        raise ValueError("no length of DER")
    return at + 2 + size, int.from_bytes(data[at + 2 : at + 2 + size], "big")


def _end(data: bytes, at: int) -> int:
    begin, length = _length(data, at)
    if begin + length > len(data):
        raise ValueError("longer than what is there")
    return begin + length


def _value(data: bytes, at: int, tag: int) -> bytes:
    if data[at] != tag:
        raise ValueError("not what is expected here")
    begin, length = _length(data, at)
    if begin + length > len(data):
        raise ValueError("longer than what is there")
    return data[begin : begin + length]


def _moment(data: bytes, at: int) -> float:
    tag = data[at]
    text = _value(data, at, tag).decode("ascii")
    if tag == _UTC_TIME:
        text = f"{'19' if int(text[:2]) >= _CENTURY else '20'}{text}"
    elif tag != _GENERAL_TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def note_peers(context: ssl.SSLContext, seen: Callable[[bytes], object]) -> None:
    """Let a context tell of the certificate of each server, in DER, once a handshake with it is done.

    Only of those that speak through memory, as asyncio's transports do.
    """

    class Noting(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if (certificate := self.getpeercert(binary_form=True)) is not None:
                seen(certificate)

    context.sslobject_class = Noting
