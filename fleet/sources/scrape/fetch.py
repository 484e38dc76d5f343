"""GET of one /metrics over HTTP with aiohttp, which is imported for the first target."""

from __future__ import annotations

from errno import ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH
from typing import TYPE_CHECKING

from fleet.model.problem import ClearTextError, NoMetricsError, SourceProblem
from fleet.net.bodies import Body, BodyError, Limit
from fleet.net.plain_client import PlainClient, PlainRequest
from fleet.net.redirect import RedirectError

if TYPE_CHECKING:
    import aiohttp

    from fleet.sources.scrape.target import ScrapeTarget

_OTHER_FILES = 256
"""Files that the rest of the program may have open."""
_OK = 200
_WITHOUT = frozenset({404, 501})
"""Statuses of a server that has no metrics at this path, or none at all."""
_FIRST = 4096
"""Bytes of a refusal that are read."""
_IDLE = 60.0
"""Seconds for which a connection may idle: longer than the interval between scrapes of many targets. If a server closes
it sooner (vLLM after five seconds), it is dropped here as well.
"""
_NO_WAY = frozenset({EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH})
"""Network errors that mean that there is no route to the server."""
_TLS_WORDS = (b"HTTPS server", b"HTTPS port", b"malformed HTTP response", b"malformed HTTP status")
_ACCEPT = {
    "Accept": "text/plain; version=0.0.4, */*; q=0.1",
    # Inflating costs more CPU than the bytes cost on a cluster's network.
    "Accept-Encoding": "identity",
    "User-Agent": "quarterdeck",
}


def room_for(connections: int) -> bool:
    """Return whether this process may open so many connections; its soft limit is raised if that is allowed.

    A login shell commonly gives 1,024 files, macOS 256; the hard limit is a thousand times that.
    """
    try:
        import resource
    except ImportError:  # there is no such limit on Windows
        return True
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        return False
    return True


def open_session(concurrency: int, timeout: float, *, keep: bool) -> aiohttp.ClientSession:
    """A session for many targets; ``timeout`` in seconds is for one request from connecting to the last byte.

    ``keep`` the connections for the next scrape: that is a file for each target (see ``room_for``).
    """
    import aiohttp

    return aiohttp.ClientSession(
        connector=(
            aiohttp.TCPConnector(limit=concurrency, keepalive_timeout=_IDLE)
            if keep
            else aiohttp.TCPConnector(limit=concurrency, force_close=True)
        ),
        timeout=aiohttp.ClientTimeout(total=timeout),
        headers=_ACCEPT,
        # Inflated here, with a limit: an exporter may compress unasked.
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def get_plainly(client: PlainClient, target: ScrapeTarget, limit: Limit, seconds: float) -> bytes | None:
    """Return the body without aiohttp; None if aiohttp must be used: the answer is unusual, or the failure cannot be
    explained.

    Raises as ``get`` does, and RefusedError.
    """
    asked = PlainRequest("GET", target.url, [*_ACCEPT.items(), *target.headers.items()], limit, seconds)
    try:
        answer = await client.ask(asked)
    except (ConnectionRefusedError, TimeoutError):
        raise
    except OSError as error:
        if error.errno in _NO_WAY:
            raise
        return None
    if answer is None:
        return None
    if answer.status == _OK:
        return answer.body
    location = answer.headers.get("Location", "")
    raise _no_page(answer.status, answer.reason, location, answer.body[:_FIRST])


def _no_page(status: int, reason: str, location: str, body: bytes) -> Exception:
    """Return the error for an answer with another status; ``body`` is the beginning of its body."""
    if 300 <= status < 400 and location:
        return RedirectError(location)
    if status == 400 and wants_tls(body):
        return ClearTextError("requires HTTPS (400)")
    problem = NoMetricsError if status in _WITHOUT else SourceProblem
    return problem(_refusal(status, reason))


async def get(session: aiohttp.ClientSession, target: ScrapeTarget, limit: Limit) -> tuple[bytes, bool]:
    """The body, and whether the transport guarantees that it is complete.

    Raises SourceProblem in words for an answer that is no use or exceeds the limit, OSError or TimeoutError for none.
    """
    import aiohttp
    from yarl import URL

    try:
        async with session.get(
            # Unchanged: exactly what the guard has checked is sent.
            URL(target.url, encoded=True),
            headers=target.headers or None,
            ssl=target.ssl,
            allow_redirects=False,
        ) as response:
            if response.status != _OK:
                beginning = await response.content.read(_FIRST) if response.status == 400 else b""
                location = response.headers.get("Location", "")
                raise _no_page(response.status, response.reason or "", location, beginning)
            body = Body(response.headers.get("Content-Encoding", ""), limit)
            if (response.content_length or 0) > limit.bytes:
                raise limit.exceeded()
            async for chunk in response.content.iter_any():
                body.add(chunk)
            bounded = response.content_length is not None or "Transfer-Encoding" in response.headers
            return body.whole(), bounded or body.encoded
    except BodyError as error:
        raise SourceProblem(error.message, error.remedy) from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise SourceProblem(f"its certificate is not trusted ({error.certificate_error})") from error
    except aiohttp.ClientConnectorSSLError as error:
        raise SourceProblem("does not use TLS as expected (is it http?)") from error
    except aiohttp.ClientPayloadError as error:
        raise SourceProblem("its answer broke off in the middle") from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError, ConnectionResetError) as error:
        raise _hung_up(error) from error
    except aiohttp.ClientOSError as error:
        if error.errno == ECONNRESET:
            raise _hung_up(error) from error
        raise OSError(error.errno, error.strerror or str(error)) from error
    except aiohttp.ClientError as error:
        raise SourceProblem(f"does not answer properly ({type(error).__name__})") from error


def _hung_up(error: Exception) -> ClearTextError:
    """Return the error of a server of TLS that is spoken to in clear text: it hangs up, or answers an alert."""
    return ClearTextError(f"does not answer properly ({type(error).__name__}): does it use TLS?")


def wants_tls(body: bytes) -> bool:
    """True if a refusal shows that the server uses TLS: the messages of Go, nginx and the API server's proxy."""
    return any(words in body for words in _TLS_WORDS)


def in_words(error: OSError, timeout: float) -> str:
    """A failed connection (or a TimeoutError, after ``timeout`` seconds) in a few words."""
    if isinstance(error, ConnectionRefusedError) or error.errno == 111:
        return "refuses the connection"
    if isinstance(error, TimeoutError):
        return f"does not answer within {timeout:g} s"
    return f"cannot be reached ({error.strerror or str(error) or type(error).__name__})"


def _refusal(status: int, reason: str) -> str:
    text = f"answers HTTP {status} {reason}".rstrip()
    if status in (401, 403):
        return f"{text}: it requires credentials (scrape.bearer_token_file)"
    if status == 501:
        return f"{text}: it was started without metrics"
    return f"{text}: no metrics at this path, or they are switched off" if status == 404 else text
