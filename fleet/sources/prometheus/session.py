"""The requests.Session behind PrometheusConnect: credentials, certificates, headers, and answers that may be lies.

PrometheusConnect only knows status codes and ``response.json()``; everything that it cannot say in words is said here,
in an adapter mounted under it. The adapter is also where a read-only guard looks at each request, and where requests
are handed to the API server's service proxy instead of a socket.
"""

from __future__ import annotations

import base64
import email.utils
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util.retry import Retry

from fleet.files import SECRET_LIMIT, check_file, read_text
from fleet.guard import Guard, RefusedError
from fleet.net.bodies import MIB, Body, BodyError, limits
from fleet.net.deadline import bound
from fleet.net.headers import sendable
from fleet.net.proxies import Proxy, proxy_for
from fleet.sources.problem import NamePatternError, SourceProblem
from fleet.sources.prometheus.transport import PrometheusEndpoint

PATIENCE = 3.0
"""Timeouts that a whole answer may take, once it has begun."""
_PART = 256 * 1024


def open_session(endpoint: PrometheusEndpoint, guard: Guard) -> tuple[requests.Session, Adapter]:
    """A session for this endpoint and the adapter to mount at ``endpoint.base``.

    Raises SourceProblem for an unusable URL or a file that is not there.
    """
    if urlsplit(endpoint.base).scheme not in ("http", "https"):
        raise SourceProblem(f"{endpoint.shown} is not a URL of http or https", "correct the Prometheus URL")
    for path in filter(None, (endpoint.ca_file, endpoint.cert_file, endpoint.key_file)):
        try:
            check_file(path, SECRET_LIMIT)
        except FileNotFoundError:
            raise SourceProblem(
                f"{path}: no such file", "correct the certificate files of the Prometheus settings"
            ) from None
        except OSError as error:
            raise SourceProblem(
                f"{path}: {error.strerror}", "correct the certificate files of the Prometheus settings"
            ) from error
    for name, value in endpoint.headers.items():
        if not sendable(name) or not sendable(value):
            said = f"the header {name!r} has a name or value that no request can carry"
            raise SourceProblem(said, "correct [prometheus] headers")
    session = requests.Session()
    session.headers.update(
        {"User-Agent": "quarterdeck", "Accept": "application/json", "Accept-Encoding": "gzip"} | dict(endpoint.headers)
    )
    session.verify = (endpoint.ca_file or True) if endpoint.verify else False
    if endpoint.cert_file:
        session.cert = (endpoint.cert_file, endpoint.key_file) if endpoint.key_file else endpoint.cert_file
    # Set even without credentials, so that no ~/.netrc is consulted.
    session.auth = Credentials(endpoint)
    return session, Adapter(endpoint, guard)


class Credentials(requests.auth.AuthBase):
    """Bearer token or basic authentication, read anew for each request."""

    def __init__(self, endpoint: PrometheusEndpoint) -> None:
        self._endpoint = endpoint
        user, _, password = urlsplit(endpoint.url).netloc.rpartition("@")[0].partition(":")
        self._in_url = (user, password)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the Authorization header; one that the configured headers carry stays where there is nothing else."""
        endpoint = self._endpoint
        token = _secret(endpoint.token_file) or endpoint.token
        user, password = endpoint.username, _secret(endpoint.password_file) or endpoint.password
        if not user:
            user, password = self._in_url
        if not all(map(sendable, (token, user, password))):
            raise SourceProblem(
                "the token or password has a line break or another character in it that no request can carry",
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


class Answer(requests.Response):
    """A response whose JSON is read with orjson and is known to be Prometheus'."""

    def __init__(self, response: requests.Response, notes: threading.local) -> None:
        super().__init__()
        self.__dict__.update(response.__dict__)
        self._notes = notes

    def json(self, **_: Any) -> Any:
        """The answer, ``status: success``; a long result is an iterable instead of a list, to be gone through once.

        Raises SourceProblem for anything else.
        """
        content, self._content = self.content, b""
        head, cuts = _cut(content)
        answer = read_json(head)
        self._notes.warnings = tuple(str(text) for text in (answer.get("warnings") or ()))
        if cuts:
            data = answer["data"]
            data["result"] = chain(_decoded(content, cuts), data["result"])
        return answer


_START, _BETWEEN = b'"result":[', b'},{"metric":'
"""What stands around the elements of a result. Neither can be inside of a string of JSON, where quotes are escaped."""
_SLICE = 256 * 1024
"""Bytes that are decoded at once. As objects of Python a vector takes ten times the memory of its JSON."""


_ELEMENT = 4 * MIB
"""Bytes of one element of a result, and of what stands around it. The longest real one, a range of 11,000 points, has
300 kB; and without elements JSON may become thirty times its size in objects, whatever it says."""


def _cut(content: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """The answer without most elements of its result; and the parts of the content where those are, if it is long."""
    start = content.find(_START, 0, 1024) + len(_START)
    if start < len(_START):
        return content, []
    cuts, begin = [], start
    while (end := content.find(_BETWEEN, begin + _SLICE)) >= 0:
        if end - begin > _ELEMENT:
            raise not_prometheus()
        cuts.append((begin, end + 1))
        begin = end + 2
    return (content[:start] + content[begin:] if cuts else content), cuts


def _decoded(content: bytes, cuts: Iterable[tuple[int, int]]) -> Iterator[Any]:
    for begin, end in cuts:
        try:
            elements = orjson.loads(b"[%b]" % content[begin:end])
        except orjson.JSONDecodeError:
            raise not_prometheus() from None
        yield from elements


class Adapter(HTTPAdapter):
    """Sends requests (no retries: the tick is the retry) and turns bad answers into words."""

    def __init__(self, endpoint: PrometheusEndpoint, guard: Guard) -> None:
        super().__init__(pool_connections=1, pool_maxsize=8, max_retries=Retry(0, read=False))
        bound(self.poolmanager, PATIENCE * endpoint.timeout)
        self._endpoint = endpoint
        self._guard = guard
        self._last = threading.local()
        self.requests = 0
        """How many were sent."""
        self._lock = threading.Lock()

    def warnings(self) -> tuple[str, ...]:
        """Of this thread's last answer: Thanos and Mimir say there that part of the data is missing."""
        return getattr(self._last, "warnings", ())

    def date(self) -> float | None:
        """The server's clock in this thread's last answer (Unix seconds, whole); None where it does not say."""
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
        self._last.warnings, self._last.date = (), None
        try:
            if self._endpoint.proxy:
                response = self._forward(request)
            else:
                response = super().send(request, **options | {"proxies": self._proxies(request.url or "")})
                self._read(response)
            content = response.content
        except (requests.RequestException, HTTPError, OSError) as error:
            raise explain(error, self._endpoint, proxy_for(request.url or "", os.environ)) from error
        self._last.date = _date(response.headers.get("Date", ""))
        refuse(response.status_code, response.headers, content, self._endpoint)
        return Answer(response, self._last)

    @staticmethod
    def _proxies(url: str) -> dict[str, str]:
        """The proxy by kubectl's rules: those of ``requests`` would send loopback, and ALL_PROXY, another way."""
        proxy = proxy_for(url, os.environ)
        if proxy is None:
            return {}
        if proxy.problem:
            raise SourceProblem(proxy.problem, "correct it, or add the host of Prometheus to NO_PROXY")
        # The names of SOCKS are for the proxy to look up.
        return {urlsplit(url).scheme: proxy.url.replace("socks5://", "socks5h://", 1)}

    def _read(self, response: requests.Response) -> None:
        try:
            body = self._body(response)
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response._content = body  # requests has no public way
        response.headers.pop("Content-Encoding", None)

    def _body(self, response: requests.Response) -> bytes:
        """The body as it comes. A timeout of ours is between two bytes: an answer that trickles never hits it."""
        patience = PATIENCE * self._endpoint.timeout
        until = time.monotonic() + patience
        try:
            body = Body(response.headers.get("Content-Encoding", ""), limits().prometheus)
            while part := response.raw.read1(_PART, decode_content=False):
                body.add(part)
                if time.monotonic() > until:
                    raise SourceProblem(
                        f"{self._endpoint.shown} does not finish its answer within {patience:g} s",
                        "is it overloaded, or the network too slow for it?",
                    )
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
        response._content = body  # nor has it one to make a response
        response.request, response.url = request, request.url or ""
        return response


def _date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def read_json(content: bytes) -> dict[str, Any]:
    """The body of a Prometheus answer. Raises SourceProblem when it is not one, or says that it failed."""
    if len(content) > _ELEMENT + _SLICE:
        raise not_prometheus()
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise SourceProblem(
            "it answers a web page, not Prometheus' JSON"
            if content.lstrip()[:1] == b"<"
            else "its answer is not Prometheus' JSON (or broke off)",
            "check the Prometheus URL: is there a login page or another service behind it?",
        ) from None
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise SourceProblem(f"Prometheus could not answer: {one_line(str(answer.get('error', '')))}", "see its log")
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or answer.get("status") != "success" or not isinstance(data, (dict, list)):
        raise not_prometheus()
    return answer


_REFUSED_QUERY = (400, 403, 405, 422, 501)
"""Statuses with which a store or a gateway refuses a query for what it says."""
_PATTERN = re.compile(rb"=~|match_?type|matcher|\bregex|regular expression", re.IGNORECASE)
_NAME = re.compile(rb"__name__|metric[ _-]?name|name of the metric|name label", re.IGNORECASE)
_LONGEST_REASON = 4096
"""Bytes of a refusal that are looked at."""


def not_prometheus() -> SourceProblem:
    """The answer of something else."""
    return SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL")


def refuse(status: int, headers: Mapping[str, str], content: bytes, endpoint: PrometheusEndpoint) -> None:
    """Raise SourceProblem unless the status is one that carries an answer."""
    if status == 200:
        return
    if status in (301, 302, 303, 307, 308):
        where = urlsplit(headers.get("Location", "")).netloc or "elsewhere"
        raise SourceProblem(f"{endpoint.shown} redirects to {where}", "is that a login page? Set its final URL")
    if status in (400, 401, 403) and b"no org id" in content[:_LONGEST_REASON].lower():
        raise SourceProblem(
            f"{endpoint.shown} wants to know the tenant ({status}: no org id)",
            'name it in the configuration: [prometheus.headers] X-Scope-OrgID = "TENANT"',
        )
    if status == 401:
        raise SourceProblem(
            f"{endpoint.shown} wants other credentials (401)", "check the token or password: it may have expired"
        )
    if status == 403:
        remedy = "ask for get on services/proxy" if endpoint.proxy else "ask for access, or check the tenant header"
        raise SourceProblem(f"{endpoint.shown} forbids the query (403): {_reason(content)}", remedy)
    if status == 404:
        raise SourceProblem(f"{endpoint.shown} has no Prometheus API (404)", "check the URL: it stands before /api/v1")
    if status in _REFUSED_QUERY and _about_name_patterns(content[:_LONGEST_REASON]):
        raise NamePatternError(
            f"{endpoint.shown} refuses regular expressions on __name__, as Google Managed Prometheus does, "
            f"and the exact names as well ({status}): {_reason(content)}",
            "the engines are scraped directly meanwhile; --prometheus names a Prometheus of the cluster's own",
        )
    if status in (400, 422):
        raise SourceProblem(f"Prometheus rejects the query: {_reason(content)}", "is it older than 2.20?")
    raise SourceProblem(f"{endpoint.shown} answers HTTP {status}: {_reason(content)}", "see the log of that server")


def _about_name_patterns(reason: bytes) -> bool:
    """Whether a refusal is about regular expressions on the metric's name; stores have words of their own for it.

    Some quote the query in whatever they refuse. Then it is asked again by exact names, which costs a request.
    """
    return _PATTERN.search(reason) is not None and _NAME.search(reason) is not None


def _reason(content: bytes) -> str:
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:
        text = "" if content.lstrip()[:1] == b"<" else content[:300].decode("utf-8", "replace")
    else:
        text = str(answer.get("error") or answer.get("message") or "") if isinstance(answer, dict) else ""
    return one_line(text) or "no reason given"


def one_line(text: str) -> str:
    """Foreign text on one line of at most 200 characters, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:200]


def explain(error: Exception, endpoint: PrometheusEndpoint, proxy: Proxy | None = None) -> SourceProblem:
    """A failed connection in words."""
    where, text = endpoint.shown, str(error)
    if proxy is not None and (proxy.socks or isinstance(error, requests.exceptions.ProxyError)):
        return SourceProblem(
            f"{proxy.shown} does not lead to {where}: {one_line(text)}",
            "start or correct the proxy; hosts in NO_PROXY are asked directly",
        )
    if isinstance(error, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return SourceProblem(
                f"the certificate of {where} is not trusted", "set the CA file of the Prometheus settings"
            )
        return SourceProblem(
            f"TLS with {where} fails: {one_line(text)}", "is it http, or does it want a client certificate?"
        )
    if isinstance(error, requests.exceptions.Timeout | ReadTimeoutError):
        return SourceProblem(
            f"{where} does not answer within {endpoint.timeout:g} s", "is it overloaded or firewalled?"
        )
    if "Connection refused" in text:
        return SourceProblem(f"{where} refuses the connection", "is Prometheus up, and the port right?")
    if "Name or service not known" in text or "NameResolutionError" in text:
        return SourceProblem(f"{where}: no such host", "check the Prometheus URL; a cluster's own names need the proxy")
    return SourceProblem(f"{where} cannot be reached: {one_line(text)}", "check the Prometheus URL")
