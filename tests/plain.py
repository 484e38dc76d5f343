"""HTTP to servers of the tests, on loopback: reading the authorities of TLS takes longer than what is asked."""

from __future__ import annotations

import ssl
from functools import partial

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: reading the certificates that everybody trusts takes 30 ms, for each client and each request."""

get = partial(httpx.get, verify=NO_TLS, trust_env=False)
post = partial(httpx.post, verify=NO_TLS, trust_env=False)
client = partial(httpx.AsyncClient, verify=NO_TLS, trust_env=False)
