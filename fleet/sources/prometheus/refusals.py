"""Refusals of Prometheus and similar servers, in words: by status, by message, and lost connections."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import orjson
import requests
from urllib3.exceptions import ReadTimeoutError

from fleet.model.problem import NamePatternError, NoApiError, SourceProblem
from fleet.net.proxies import Proxy
from fleet.sources.prometheus.transport import PrometheusEndpoint

_REFUSED_QUERY = (400, 403, 405, 422, 501)
"""Statuses with which a store or a gateway refuses a query for its content."""
_PATTERN = re.compile(rb"=~|match_?type|matcher|\bregex|regular expression", re.IGNORECASE)
_NAME = re.compile(rb"__name__|metric[ _-]?name|name of the metric|name label", re.IGNORECASE)
_SIGNED = re.compile(rb"missing authentication token|security token|signature", re.IGNORECASE)
"""Words of AWS for a request without a valid signature."""
_FAILED = re.compile(rb'\s*\{\s*"status"\s*:\s*"error"')
"""Beginning of an answer that reports an error, whatever its status."""
_LONGEST_REASON = 4096
"""Bytes of a refusal that are read."""


def refuse(status: int, headers: Mapping[str, str], content: bytes, endpoint: PrometheusEndpoint) -> None:
    """Raise SourceProblem unless this carries an answer."""
    product = endpoint.product
    if status == 200:
        if _FAILED.match(content):
            raise SourceProblem(f"{product.name} could not answer: {_reason(content)}", "see its log")
        return
    if status in (301, 302, 303, 307, 308):
        where = urlsplit(headers.get("Location", "")).netloc or "elsewhere"
        raise SourceProblem(f"{endpoint.shown} redirects to {where}", "is that a login page? Set its final URL")
    if status in (400, 401, 403) and b"no org id" in content[:_LONGEST_REASON].lower():
        raise SourceProblem(
            f"{endpoint.shown} requires a tenant ({status}: no org id)",
            f'name it in the configuration: [{product.section}.headers] X-Scope-OrgID = "TENANT"',
        )
    if status == 401:
        raise SourceProblem(
            f"{endpoint.shown} rejects the credentials (401)", "check the token or password: it may have expired"
        )
    if status == 403 and _SIGNED.search(content[:_LONGEST_REASON]):
        raise SourceProblem(
            f"{endpoint.shown} forbids the query (403): {_reason(content)}",
            "AWS answers so to requests without a signature: name a proxy that signs them (SigV4)",
        )
    if status == 403:
        remedy = "ask for get on services/proxy" if endpoint.proxy else "ask for access, or check the tenant header"
        raise SourceProblem(f"{endpoint.shown} forbids the query (403): {_reason(content)}", remedy)
    if status == 404:
        problem = f"{endpoint.shown} has no {product.name} API (404)"
        raise NoApiError(problem, f"check the URL: it ends before {product.before}")
    if status in _REFUSED_QUERY and _about_name_patterns(content[:_LONGEST_REASON]):
        raise NamePatternError(
            f"{endpoint.shown} refuses regular expressions on __name__, as Google Managed Prometheus does, and "
            f"also exact names ({status}): {_reason(content)}",
            "the engines are scraped directly meanwhile; --prometheus names a Prometheus of the cluster's own",
        )
    if status in (400, 422):
        raise SourceProblem(f"{product.name} rejects the query: {_reason(content)}", "is it older than 2.20?")
    if status == 405:
        raise SourceProblem(
            f"{endpoint.shown} does not accept GET (405): {_reason(content)}",
            "queries are sent with GET alone: allow it in the server or the gateway before it",
        )
    raise SourceProblem(f"{endpoint.shown} answers HTTP {status}: {_reason(content)}", "see the log of that server")


def _about_name_patterns(reason: bytes) -> bool:
    """True if a refusal is about regular expressions on the metric's name; stores word it differently.

    Some quote the query in any refusal. Then it is retried by exact names, which costs one request.
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
            f"{proxy.shown} does not connect to {where}: {one_line(text)}",
            "start or correct the proxy; hosts in NO_PROXY are reached directly",
        )
    if isinstance(error, requests.exceptions.SSLError):
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return SourceProblem(
                f"the certificate of {where} is not trusted", f"set the CA file of the {endpoint.product.name} settings"
            )
        return SourceProblem(
            f"TLS with {where} fails: {one_line(text)}", "is it http, or does it require a client certificate?"
        )
    if isinstance(error, requests.exceptions.Timeout | ReadTimeoutError):
        return SourceProblem(
            f"{where} does not answer within {endpoint.timeout:g} s", "is it overloaded or firewalled?"
        )
    if "Connection refused" in text:
        return SourceProblem(f"{where} refuses the connection", f"is {endpoint.product.name} up, and the port right?")
    if "Name or service not known" in text or "NameResolutionError" in text:
        return SourceProblem(
            f"{where}: no such host", f"check the {endpoint.product.name} URL; a cluster's own names need the proxy"
        )
    return SourceProblem(f"{where} cannot be reached: {one_line(text)}", f"check the {endpoint.product.name} URL")
