"""The requests.Session behind PrometheusConnect: credentials, certificates, headers, and bounded bodies.

PrometheusConnect only knows status codes and ``response.json()``; everything else is reported here, in an adapter
mounted under it. The adapter is also where a read-only guard sees each request, and where requests are passed to the
API server's service proxy instead of a socket. It does not interpret answers.
"""

from __future__ import annotations

import base64
import email.utils
import os
import ssl
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util.retry import Retry

from fleet.files import SECRET_LIMIT, check_file, read_text
from fleet.guard import Guard, RefusedError
from fleet.model.problem import SourceProblem
from fleet.net.bodies import Body, BodyError, Limit, limits
from fleet.net.certificates import Validity, validity_of
from fleet.net.deadline import bound
from fleet.net.headers import sendable
from fleet.net.proxies import proxy_for
from fleet.sources.prometheus.refusals import explain, refuse
from fleet.sources.prometheus.transport import PrometheusEndpoint

PATIENCE = 3.0
"""Timeouts that a whole answer may take, once it has begun."""
_PART = 256 * 1024
_DONE = frozenset({201, 202, 204})
"""Statuses other than 200 with which a server accepts a change."""


def open_session(
    endpoint: PrometheusEndpoint, guard: Guard, limit: Limit | None = None
) -> tuple[requests.Session, Adapter]:
    """A session for this endpoint and the adapter to mount at ``endpoint.base``; ``limit`` holds for each answer.

    Raises SourceProblem for an unusable URL or a file that is not there.
    """
    if urlsplit(endpoint.base).scheme not in ("http", "https"):
        raise SourceProblem(
            f"{endpoint.shown} is not a URL of http or https", f"correct the {endpoint.product.name} URL"
        )
    for path in filter(None, (endpoint.ca_file, endpoint.cert_file, endpoint.key_file)):
        try:
            check_file(path, SECRET_LIMIT)
        except FileNotFoundError:
            raise SourceProblem(
                f"{path}: no such file", f"correct the certificate files of the {endpoint.product.name} settings"
            ) from None
        except OSError as error:
            raise SourceProblem(
                f"{path}: {error.strerror}", f"correct the certificate files of the {endpoint.product.name} settings"
            ) from error
    for name, value in endpoint.headers.items():
        if not sendable(name) or not sendable(value):
            problem = f"the header {name!r} has a name or value that cannot be sent"
            raise SourceProblem(problem, f"correct [{endpoint.product.section}] headers")
    session = requests.Session()
    session.headers.update(
        {"User-Agent": "quarterdeck", "Accept": "application/json", "Accept-Encoding": "gzip"} | dict(endpoint.headers)
    )
    session.verify = (endpoint.ca_file or True) if endpoint.verify else False
    if endpoint.cert_file:
        session.cert = (endpoint.cert_file, endpoint.key_file) if endpoint.key_file else endpoint.cert_file
    # Set even without credentials, so that no ~/.netrc is consulted.
    session.auth = EndpointCredentials(endpoint)
    return session, Adapter(endpoint, guard, limit)


class EndpointCredentials(requests.auth.AuthBase):
    """Bearer token or basic authentication, read again for each request."""

    def __init__(self, endpoint: PrometheusEndpoint) -> None:
        self._endpoint = endpoint
        user, _, password = urlsplit(endpoint.url).netloc.rpartition("@")[0].partition(":")
        self._in_url = (user, password)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the Authorization header; without credentials, one from the configured headers is kept."""
        endpoint = self._endpoint
        token = _secret(endpoint.token_file) or endpoint.token
        user, password = endpoint.username, _secret(endpoint.password_file) or endpoint.password
        if not user:
            user, password = self._in_url
        if not all(map(sendable, (token, user, password))):
            raise SourceProblem(
                "the token or password contains a line break or another character that cannot be sent",
                "correct the file or the environment variable of the credentials",
            )
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        elif user:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            request.headers["Authorization"] = f"Basic {pair}"
        return request


def _secret(path: str) -> str:
    if not path:
        return ""
    try:
        return read_text(path, SECRET_LIMIT).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise SourceProblem(f"{path} cannot be read ({reason})", "correct the file of the credentials") from error


class _Whole(BytesIO):
    """A body that has been read to its end, in the place of the socket that it came from."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        """Yield everything at once, as ``requests`` expects."""
        yield self.getvalue()


class Adapter(HTTPAdapter):
    """Sends requests (no retries: the tick is the retry) and turns bad answers into words."""

    def __init__(self, endpoint: PrometheusEndpoint, guard: Guard, limit: Limit | None = None) -> None:
        super().__init__(pool_connections=1, pool_maxsize=8, max_retries=Retry(0, read=False))
        bound(self.poolmanager, PATIENCE * endpoint.timeout)
        self._endpoint = endpoint
        self._guard = guard
        self._limit = limit or limits().prometheus
        self._last = threading.local()
        self.requests = 0
        """Number of requests sent."""
        self.peer: Validity | None = None
        """Dates of the certificate that the server showed; None if it showed none."""
        self._shown = b""
        self._lock = threading.Lock()

    def date(self) -> float | None:
        """The server's clock in this thread's last answer (whole Unix seconds); None if it did not say."""
        return getattr(self._last, "date", None)

    def send(  # type: ignore[override] # the stubs spell the optional arguments out
        self, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        """Send one request. Raises SourceProblem with the reason in words."""
        try:
            self._guard(request.method or "", request.url or "")
        except RefusedError as error:
            raise SourceProblem(error.message, error.remedy) from None
        with self._lock:
            self.requests += 1
        self._last.date = None
        try:
            if self._endpoint.proxy:
                response = self._forward(request)
            else:
                response = super().send(request, **options | {"proxies": self._proxies(request.url or "")})
                self._note_peer(response)
                self._read(response)
            content = response.content
        except (requests.RequestException, HTTPError, OSError) as error:
            raise explain(error, self._endpoint, proxy_for(request.url or "", os.environ)) from error
        self._last.date = _date(response.headers.get("Date", ""))
        if request.method == "GET" or response.status_code not in _DONE:
            refuse(response.status_code, response.headers, content, self._endpoint)
        return response

    @staticmethod
    def _proxies(url: str) -> dict[str, str]:
        """Return the proxy by kubectl's rules: those of ``requests`` treat loopback and ALL_PROXY differently."""
        proxy = proxy_for(url, os.environ)
        if proxy is None:
            return {}
        if proxy.problem:
            raise SourceProblem(proxy.problem, "correct it, or add the host to NO_PROXY")
        # With SOCKS the proxy resolves names.
        return {urlsplit(url).scheme: proxy.url.replace("socks5://", "socks5h://", 1)}

    def _note_peer(self, response: requests.Response) -> None:
        """Read the dates of the server's certificate, once for each."""
        sock = getattr(getattr(response.raw, "connection", None), "sock", None)
        shown = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
        if shown and shown != self._shown:
            self._shown, self.peer = shown, validity_of(shown)

    def _read(self, response: requests.Response) -> None:
        try:
            body = self._body(response)
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response.raw = _Whole(body)
        response.headers.pop("Content-Encoding", None)

    def _body(self, response: requests.Response) -> bytes:
        """Return the body, read as it comes with a total time limit: the socket timeout applies between two bytes, and
        a trickling answer never hits it.
        """
        patience = PATIENCE * self._endpoint.timeout
        until = time.monotonic() + patience
        try:
            body = Body(response.headers.get("Content-Encoding", ""), self._limit)
            while part := response.raw.read1(_PART, decode_content=False):
                body.add(part)
                if time.monotonic() > until:
                    raise SourceProblem(
                        f"{self._endpoint.shown} does not finish its answer within {patience:g} s",
                        "is it overloaded, or the network too slow for it?",
                    ) from TimeoutError()
            return body.whole()
        except BodyError as error:
            raise SourceProblem(f"{self._endpoint.shown} {error.message}", error.remedy) from error

    def _forward(self, request: requests.PreparedRequest) -> requests.Response:
        proxy = self._endpoint.proxy
        if request.method != "GET" or proxy is None:
            raise SourceProblem("only GET goes through the API server's proxy")
        status, headers, body = proxy(request.path_url)
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.raw = _Whole(body)
        response.request, response.url = request, request.url or ""
        return response


def _date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
