"""The JSON API of an Alertmanager or a rule evaluator: blocking calls, made from a worker thread.

It shares the path of Prometheus queries, and so their credentials, certificates, proxies, limits and messages.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import orjson

from fleet.guard import reads_only
from fleet.imports import IMPORTING
from fleet.model.problem import SourceProblem
from fleet.net.bodies import limits

if TYPE_CHECKING:
    import requests

    from fleet.guard import Guard
    from fleet.sources.prometheus.session import Adapter
    from fleet.sources.prometheus.transport import PrometheusEndpoint


class JsonApi:
    """Client of such an API. Nothing is imported or opened before the first call."""

    def __init__(self, endpoint: PrometheusEndpoint, guard: Guard = reads_only) -> None:
        self.endpoint = endpoint
        self._guard = guard
        self._lock = threading.Lock()
        self._opened: tuple[requests.Session, Adapter] | None = None

    @property
    def sent(self) -> int:
        """Number of requests sent so far."""
        return self._opened[1].requests if self._opened is not None else 0

    def get(self, path: str, **parameters: str) -> Any:
        """Return the JSON at a path below the endpoint's URL. Raises SourceProblem, in words, for any failure."""
        session = self._session()
        url, timeout = f"{self.endpoint.base}{path}", self.endpoint.timeout
        # Set per request: a session's value would be overridden by REQUESTS_CA_BUNDLE.
        content = session.get(url, params=parameters, timeout=timeout, verify=session.verify).content
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            what = "a page of HTML" if content.lstrip()[:1] == b"<" else "no JSON"
            raise SourceProblem(
                f"{self.endpoint.shown} answers {what}", "is that a login page, or another product?"
            ) from None

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Send a change, once: return the answer's JSON, None if it has none. Raises SourceProblem."""
        session = self._session()
        url, timeout = f"{self.endpoint.base}{path}", self.endpoint.timeout
        content = session.request(method, url, json=body, timeout=timeout, verify=session.verify).content
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            return None

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened[0].close()

    def _session(self) -> requests.Session:
        with self._lock:
            if self._opened is None:
                with IMPORTING:
                    from fleet.sources.prometheus.session import open_session
                session, adapter = open_session(self.endpoint, self._guard, limits().alerts)
                # For all requests: none of this session bypasses it.
                session.mount("http://", adapter)
                session.mount("https://", adapter)
                self._opened = session, adapter
            return self._opened[0]
