"""Dates of certificates are read as the library reads them that knows all of one, and of garbage none are."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fleet.net.certificates import validity_in, validity_of


@pytest.mark.parametrize("year", [1950, 2049, 2050, 2140])
def test_dates_are_those_of_the_library_that_knows_all_of_a_certificate(year: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 60)])
    begins, ends = datetime(year, 1, 1, tzinfo=UTC), datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 2**150, begins, ends).sign(key, hashes.SHA256())
    assert validity_of(made.public_bytes(serialization.Encoding.DER)) == (begins.timestamp(), ends.timestamp())
    assert validity_in(b"a comment\n" + made.public_bytes(serialization.Encoding.PEM)) is not None


def test_what_is_no_certificate_has_no_dates() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    begins, ends = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begins, ends).sign(key, hashes.SHA256())
    der = made.public_bytes(serialization.Encoding.DER)
    rng = random.Random(1)
    for cut in range(0, len(der), 7):
        assert validity_of(der[:cut]) is None
    for _ in range(2000):
        broken = bytearray(der)
        broken[rng.randrange(len(der))] = rng.randrange(256)
        found = validity_of(bytes(broken))
        assert found is None or isinstance(found.ends, float)
    assert validity_in(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----") is None
    assert validity_in(b"") is None
