"""Failures between the console and an API server, as types.

Every failed request raises a :class:`KubeError`; callers decide by the subclass, and users read ``message`` (what is
wrong) and ``remedy`` (what to do about it).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

import orjson

from fleet.explained_error import ExplainedError

ERROR_BODY_LIMIT = 64 * 1024
"""Bytes read of an error's body: a Status object is smaller, and a login page need not be read to its end."""

_LINE = 300
"""Characters kept of the HTTP client's message about a broken connection."""
NO_STORAGE = "etcd"
"""Reason of a :class:`ServerError`: the API server answers, but its storage does not."""
LONGEST_WAIT = 30.0
"""Longest accepted Retry-After in seconds: the longest wait during an outage. A day would not help a user at a
screen.
"""
UNTRUSTED = "x509"
"""Reason of an :class:`UnreachableError`: the server's certificate is of no authority that is trusted here."""


class ClusterError(ExplainedError):
    """A cluster that gives no answer: there is no usable way to it, or a request failed."""


class KubeconfigError(ClusterError):
    """The kubeconfig, or a file that it names, cannot be used."""


class KubeError(ClusterError):
    """A request that failed.

    ``status`` is the HTTP status, 0 if none was received. ``retry_after`` is in seconds, None if the server named no
    time.
    """

    remedy = ""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
        continue_token: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message, remedy or self.remedy)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.details: Mapping[str, Any] = details or {}
        self.continue_token = continue_token
        """Token of a 410 in the middle of a list: resumes it, inconsistently."""


class UnauthorizedError(KubeError):
    """401: the credentials are missing, wrong or expired."""

    remedy = "Renew the credentials of this context (log in again), or choose another context."


class ForbiddenError(KubeError):
    """403: the credentials are good and the permission is missing."""

    remedy = "Ask an administrator: `quarterdeck doctor` names what is missing, `quarterdeck rbac` prints the roles."


class NotFoundError(KubeError):
    """404: the object, or the whole resource, is not there."""


class ConflictError(KubeError):
    """409: the object has changed since it was read (resourceVersion, uid), or already exists."""

    remedy = "It has changed: review it and decide again."


class ExpiredError(KubeError):
    """410: the resourceVersion or continue token is older than the server's history."""


class ThrottledError(KubeError):
    """429: the server sheds load."""

    remedy = "Nothing to do: the console waits as the server requests, 30 s at most; ctrl-r retries at once."


class ServerError(KubeError):
    """5xx: the server, or something in front of it, failed."""


class UnreachableError(KubeError):
    """No HTTP answer: refused, no such host, TLS failed, timed out or cut off.

    ``sent`` is False if certainly nothing of the request left for the server: there was no connection yet.
    """

    sent = True


class ProxyFailedError(OSError):
    """The proxy on the way to the server failed; the text says which and how."""


class DefectError(KubeError):
    """An unexpected error in this program: reported and retried like any other failure."""

    remedy = "Please report it, with the server's answer if you may share it."

    def __init__(self, error: Exception) -> None:
        super().__init__(f"a defect of Quarterdeck, please report it: {error!r}", reason="Defect")


class NotKubernetesError(KubeError):
    """The answer did not come from a Kubernetes API server, or was passed on by it: a pod's own redirect, for
    example.
    """

    location = ""
    """Target of a redirect; empty for an answer that is none."""
    remedy = "Check `server` of the cluster in the kubeconfig, and the proxy settings (HTTPS_PROXY, NO_PROXY)."


class OversizedError(KubeError):
    """An answer that is larger than such an answer can be, or that cannot be decoded: it was not read to its end."""


_BY_STATUS: Mapping[int, type[KubeError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
    429: ThrottledError,
}


def error_of_status(status: Mapping[str, Any], retry_after: float | None = None) -> KubeError:
    """Return the error for a Status object (of a body, or of a watch's ERROR event)."""
    code = status.get("code")
    number = code if isinstance(code, int) else 0
    reason = str(status.get("reason") or "")
    details = status.get("details")
    metadata = status.get("metadata")
    token = metadata.get("continue") if isinstance(metadata, dict) else ""
    kind = _BY_STATUS.get(number, ServerError if number >= 500 else KubeError)
    if kind is KubeError and reason in {"Expired", "Gone"}:
        kind = ExpiredError
    if retry_after is None and isinstance(details, dict):
        seconds = details.get("retryAfterSeconds")
        retry_after = _bounded(seconds) if isinstance(seconds, int | float) else None
    return kind(
        str(status.get("message") or reason or f"HTTP {number}"),
        status=number,
        reason=reason,
        retry_after=retry_after,
        details=details if isinstance(details, dict) else None,
        continue_token=token if isinstance(token, str) else "",
    )


def error_of_response(status: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """Return the error for an HTTP answer outside 2xx.

    Overload (429), unknown paths (404) and gateways (502-504) answer in plain text or HTML, so the body is only read as
    a Status if it is one.
    """
    retry_after = _seconds(headers.get("Retry-After"))
    try:
        document = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and document.get("kind") == "Status":
        return error_of_status({**document, "code": status}, retry_after)
    html = "html" in headers.get("Content-Type", "").lower() or body.lstrip()[:1] == b"<"
    if 300 <= status < 400 or (html and status not in {429, 502, 503, 504}):
        where = headers.get("Location", "")
        what = f"redirects to {where}" if where else f"answered HTTP {status} with a web page"
        error = NotKubernetesError(f"the server {what}: this is not a Kubernetes API server", status=status)
        error.location = where if status < 400 else ""
        return error
    # For a health check, the failing part, which may be far down in a long answer.
    failing = [line for line in body.splitlines() if line.startswith(b"[-]")]
    text = "" if html else " ".join((b"\n".join(failing) or body)[:200].decode("utf-8", "replace").split())
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else KubeError)
    return kind(text or f"HTTP {status}", status=status, retry_after=retry_after)


def error_of_exception(error: BaseException, server: str, proxy: str = "", *, sent: bool = True) -> UnreachableError:
    """Return the :class:`UnreachableError` for an exception of the HTTP client or the operating system.

    ``proxy`` is the proxy in between, in words, empty for none; ``sent``: True if the request may have gone out.
    """
    unreachable = _of_proxy(error, server, proxy) if proxy else None
    unreachable = unreachable or _of_connection(error, server, f" (through {proxy})" if proxy else "")
    unreachable.sent = sent
    return unreachable


def _of_proxy(error: BaseException, server: str, proxy: str) -> UnreachableError | None:
    """Return a failure that is the proxy's doing and not the server's; None for any other."""
    import aiohttp

    remedy = f"Start it (such as its tunnel) or correct it: {server} was not queried."
    if "proxy-url" not in proxy:
        remedy += " Hosts in NO_PROXY are reached directly."
    for link in _chain(error):
        if isinstance(link, ProxyFailedError):
            return UnreachableError(str(link), reason="proxy", remedy=remedy)
        if isinstance(link, aiohttp.ClientHttpProxyError):
            return UnreachableError(
                f"{proxy} answers HTTP {link.status} instead of connecting to {server}", reason="proxy", remedy=remedy
            )
        if isinstance(link, aiohttp.ClientProxyConnectionError | socket.gaierror):
            why = getattr(link, "os_error", link)
            words = getattr(why, "strerror", "") or str(why)
            return UnreachableError(f"{proxy} cannot be reached: {words}", reason="proxy", remedy=remedy)
    return None


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and its causes, the innermost last."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = getattr(link, "os_error", None) or link.__cause__ or link.__context__
    return chain


def _of_connection(error: BaseException, server: str, through: str) -> UnreachableError:
    chain = _chain(error)
    # The innermost error is the clearest: the HTTP client's errors only wrap its text.
    for link in reversed(chain):
        if isinstance(link, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"the certificate of {server} is not trusted: {getattr(link, 'verify_message', '') or link}",
                reason=UNTRUSTED,
                remedy="Check certificate-authority(-data) of the cluster in the kubeconfig, and this machine's clock.",
            )
        if isinstance(link, socket.gaierror):
            return UnreachableError(
                f"no such host: {server} ({link.strerror})",
                reason="dns",
                remedy="Check the name in the kubeconfig, the VPN and the DNS of this machine.",
            )
        if isinstance(link, ConnectionRefusedError):
            return UnreachableError(
                f"connection refused by {server}{through}",
                reason="refused",
                remedy="Check that the API server runs, and the address and port in the kubeconfig.",
            )
        if isinstance(link, ssl.SSLError):
            return UnreachableError(
                f"TLS with {server} failed{through}: {link.reason or link}",
                reason="tls",
                remedy="Check that the server uses https on this port, and the client certificate of the user.",
            )
    if any(isinstance(link, TimeoutError) for link in chain):
        return UnreachableError(
            f"{server} did not answer in time{through}",
            reason="timeout",
            remedy="Check the network path (VPN, firewall, proxy) to the API server.",
        )
    return UnreachableError(
        f"the connection to {server} broke{through}: {_line(str(error)) or type(error).__name__}",
        reason="broken",
        remedy="Check the network path (VPN, firewall, proxy) to the API server.",
    )


def _line(text: str) -> str:
    """Return a text on one bounded line: the HTTP client quotes unreadable input, with a marker below it."""
    line = " ".join(text[:ERROR_BODY_LIMIT].split())
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"


def _seconds(value: str | None) -> float | None:
    """Return Retry-After (RFC 9110: seconds, or a date) in seconds from now; None if it is neither, or past."""
    text = (value or "").strip()
    if not text:
        return None
    # Few answers have one, and it imports the email package.
    from email.utils import parsedate_to_datetime

    try:
        seconds = float(text) if text[:1].isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return _bounded(seconds)


def _bounded(seconds: float) -> float | None:
    """Return the wait that a server requests, bounded."""
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None
