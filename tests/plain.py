"""HTTP to servers of the tests, on loopback: loading TLS authorities takes longer than the request."""

from __future__ import annotations

import ssl
from functools import partial

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""TLS context without authorities: loading the default ones takes 30 ms, for each client and each request."""

get = partial(httpx.get, verify=NO_TLS, trust_env=False)
post = partial(httpx.post, verify=NO_TLS, trust_env=False)
client = partial(httpx.AsyncClient, verify=NO_TLS, trust_env=False)
