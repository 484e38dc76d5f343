"""Credentials for engines with a protected /metrics: a bearer token, for the pods named in the configuration only.

A pod runs whatever its owner wants, so anyone who may create pods there could keep a token sent to one. Therefore it
goes only to engines of the listed namespaces, directly to the pod's address, and over TLS verified by an authority of
the configuration, unless clear text is explicitly allowed. The API server's proxy uses its own ``Authorization``, so
nothing is sent through it.
"""

from __future__ import annotations

import ssl
from dataclasses import replace

from fleet.dataclass import dataclass
from fleet.files import SECRET_LIMIT, read_text
from fleet.sources.scrape.target import ScrapeTarget


@dataclass(frozen=True, slots=True)
class PodAccess:
    """The pods that get the token of ``token_file``, and the trusted authorities. Empty: none.

    ``ca_file``: the authorities that must have signed the engines' certificates. Names are not verified: a pod is
    reached by its address, which is in no certificate. ``cleartext``: the token may also go over plain HTTP, and over
    unverified TLS.
    """

    token_file: str = ""
    namespaces: frozenset[str] = frozenset()
    ca_file: str = ""
    cleartext: bool = False


class PodCredentials:
    """The files of a :class:`PodAccess`, read again for every scrape: tokens are rotated."""

    def __init__(self, access: PodAccess) -> None:
        self._access = access
        self._token = ""
        self._context: ssl.SSLContext | None = None
        self.problem = ""
        """Problem with the files, in words; empty if there is none."""

    def read(self) -> None:
        """Read the files again. An unreadable one is not used, and ``problem`` says so."""
        self.problem = self._token = ""
        if self._access.ca_file and self._context is None:
            try:
                context = ssl.create_default_context(cafile=self._access.ca_file)
            except (OSError, ValueError) as error:
                self.problem = f"scrape.ca_file cannot be used ({error}): no token is sent over TLS"
            else:
                context.check_hostname = False
                self._context = context
        if self._access.token_file:
            try:
                token = read_text(self._access.token_file, SECRET_LIMIT, "ascii").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "not text"
                self.problem = f"scrape.bearer_token_file cannot be read ({reason}): no token is sent"
                return
            if not token.isprintable() or " " in token:
                self.problem = "scrape.bearer_token_file does not contain exactly one token: none is sent"
            else:
                self._token = token

    @property
    def used(self) -> tuple[str, ssl.SSLContext | None]:
        """The token and the trusted authorities that targets of engines are made with."""
        return self._token, self._context

    def of_engine(self, target: ScrapeTarget) -> ScrapeTarget:
        """Return the target of an engine with its credentials; ``target`` does not go through the API server."""
        tls = target.url.startswith("https://")
        if tls and self._context is not None:
            target = replace(target, ssl=self._context)
        safe = (tls and self._context is not None) or self._access.cleartext
        if self._token and safe and target.namespace in self._access.namespaces:
            target = replace(target, headers={**target.headers, "Authorization": f"Bearer {self._token}"})
        return target
