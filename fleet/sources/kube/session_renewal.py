"""The session of a client and its credentials, created on first use and renewed when that may help."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from fleet.dataclass import dataclass
from fleet.imports import imported
from fleet.net.proxies import Proxy, proxy_for
from fleet.sources.kube.credentials import Credentials, Login
from fleet.sources.kube.errors import KubeconfigError, UnreachableError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.tls import SeenCertificates, Tls, context_of

if TYPE_CHECKING:
    import aiohttp

UNUSABLE = (ssl.SSLError, OSError, ValueError)
"""Exceptions of certificates that cannot be used."""
RENEWAL = 30.0
"""Seconds between two attempts to renew credentials: a plugin may open a browser, so it is not run per request."""


@dataclass(frozen=True, slots=True)
class Link:
    """A session and its credentials."""

    session: aiohttp.ClientSession
    login: Login
    proxy: Proxy | None

    def made_for(self, tls: Tls, proxy: Proxy | None) -> bool:
        """True if its connections use these certificates and this proxy."""
        return (self.login.tls, self.proxy) == (tls, proxy)

    @property
    def through(self) -> str:
        """The proxy in words; empty for none."""
        return self.proxy.shown if self.proxy is not None else ""


class Introduction(NamedTuple):
    """The credentials shown before there is a session; there is no proxy then."""

    login: Login
    context: ssl.SSLContext | None
    """Context of TLS; None for a server in clear text."""


class Links:
    """The one current link of a client. Belongs to one event loop.

    ``renewal`` is the time between two attempts to renew credentials, in seconds.
    """

    def __init__(self, access: Access, environ: Mapping[str, str], renewal: float = RENEWAL) -> None:
        self.access = access
        self.credentials = Credentials(access, environ)
        self.seen = SeenCertificates()
        """The dates of the certificates that were shown."""
        self._environ = environ
        self._connecting = asyncio.Lock()
        self._link: Link | None = None
        self._introduction: Introduction | None = None
        self._left: list[aiohttp.ClientSession] = []
        self._renewal = renewal
        self._next_renewal = 0.0
        self._not_renewed: KubeconfigError | None = None
        self._closed = False

    async def introduced(self) -> Introduction | None:
        """Return the credentials for requests without a session; None if a session is required.

        That is the case once there is one, through a proxy, if a plugin provides the credentials (it is run once), and
        if there is a problem with them or with the certificates: opening the session reports it.
        """
        async with self._connecting:
            if self._link is not None or self._closed or self._not_renewed is not None or self.credentials.from_plugin:
                return None
            if self._introduction is None or self.credentials.due:
                try:
                    if proxy_of(self.access, self.credentials.cluster, self._environ) is not None:
                        return None
                    login = await self.credentials.load()
                    secure = self.access.server.startswith("https:")
                    context = await asyncio.to_thread(context_of, login.tls, self.seen) if secure else None
                except (KubeconfigError, *UNUSABLE):
                    return None
                self._introduction = Introduction(login, context)
            return self._introduction

    async def connected(self, instead_of: Link | None = None, *, untrusted: bool = False) -> Link:
        """Return the session; created on the first request, and again when credentials are due or ``instead_of`` was
        rejected.

        ``untrusted``: its authorities do not know the server; their file may have been replaced in place.
        """
        async with self._connecting:
            if self._closed:
                raise closed_error("the client is closed")
            link = self._link
            if link is not None and not self.credentials.due and link is not instead_of:
                return link
            if monotonic() < self._next_renewal:
                if self._not_renewed is not None:
                    raise KubeconfigError(self._not_renewed.message, self._not_renewed.remedy)
                if link is not None:
                    return link
            try:
                renewed = await self._make(link, untrusted=untrusted)
            except KubeconfigError as error:
                self._not_renewed = error
                self._next_renewal = monotonic() + self._renewal
                raise
            self._not_renewed = None
            if link is not None:
                self._next_renewal = monotonic() + self._renewal
            if self._closed:
                await renewed.session.close()
                raise closed_error("the client is closed")
            self._link = renewed
            if link is not None and link.session is not renewed.session:
                # Streams on the old certificate end here and resume on the new one.
                self._left.append(link.session)
                await self._let_go()
            return renewed

    async def _make(self, link: Link | None, *, untrusted: bool) -> Link:
        """Make a link with the current credentials, on the connections of ``link`` if they would be the same."""
        # The imports take longer than a frame of the screen may.
        await asyncio.to_thread(imported, "fleet.sources.kube.session")
        from fleet.sources.kube.session import open_session

        login = await self.credentials.load()
        proxy = proxy_of(self.access, self.credentials.cluster, self._environ)
        if link is not None and not untrusted and not login.tls.from_files and link.made_for(login.tls, proxy):
            return Link(link.session, login, proxy)
        try:
            return Link(await open_session(login.tls, proxy, self.seen), login, proxy)
        except UNUSABLE as error:
            raise KubeconfigError(
                f"the certificates of context {self.access.context!r} cannot be used: {error}",
                f"Check certificate-authority and client-certificate in {self.access.file}; log in again.",
            ) from error

    def refresh(self) -> None:
        """Renew credentials with the next request that needs it, however short ago that was tried."""
        self._next_renewal = 0.0

    async def close(self) -> None:
        """Close the connections; streams under way end."""
        self._closed = True
        if self._link is not None:
            self._left.append(self._link.session)
            self._link = None
        await self._let_go()

    async def _let_go(self) -> None:
        """Close unused sessions, including those that a cancelled request left open."""
        while self._left:
            session = self._left[-1]
            await session.close()
            # Another task may have renewed it meanwhile.
            if session in self._left:
                self._left.remove(session)


def proxy_of(access: Access, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to an API server: the cluster's own, for any address, else the environment's.

    Raises :class:`KubeconfigError` if it cannot be used.
    """
    own = settings.get("proxy-url")
    proxy = Proxy(own, f"proxy-url of cluster {access.cluster!r}") if own else proxy_for(access.server, environ)
    if proxy is not None and proxy.problem:
        raise KubeconfigError(
            proxy.problem, f"Correct it, for example socks5://host:1080, or add {access.server} to NO_PROXY."
        )
    return proxy


def closed_error(message: str) -> UnreachableError:
    """Return the error of a request that was not sent because the client is closed."""
    error = UnreachableError(message, reason="closed")
    error.sent = False
    return error
