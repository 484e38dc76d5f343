"""The query API of one Prometheus: blocking calls, made from worker threads.

PrometheusConnect handles short answers. Queries about a whole fleet are sent through the same session and decoded
separately (``fleet.sources.prometheus.answer``): PrometheusConnect would make objects of everything at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from fleet.guard import reads_only
from fleet.imports import IMPORTING
from fleet.model.shown_certificate import ShownCertificate
from fleet.model.snapshot import SERVER
from fleet.sources.prometheus.answer import Answer, no_json, not_prometheus

if TYPE_CHECKING:
    import requests
    from prometheus_api_client import PrometheusConnect

    from fleet.guard import Guard
    from fleet.sources.prometheus.session import Adapter
    from fleet.sources.prometheus.transport import PrometheusEndpoint

_SKEW_TOLERATED = 2.0
"""Seconds: the Date header has whole seconds, and an answer takes its time."""


class _Opened(NamedTuple):
    """PrometheusConnect, its session, and the adapter that sends the requests."""

    client: PrometheusConnect
    session: requests.Session
    adapter: Adapter


class PrometheusApi:
    """The query API of one Prometheus. Nothing is imported or opened before the first call.

    Every method raises SourceProblem, in words, for any failure. ``wall`` is the console's clock (Unix), and ``steady``
    a monotonic one.
    """

    def __init__(
        self,
        endpoint: PrometheusEndpoint,
        guard: Guard = reads_only,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self._guard = guard
        self._wall = wall
        self._steady = steady
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._skew: float | None = None
        self._dated: float | None = None
        """Lead of the answers' Date over this clock when the server's time was read."""
        self._jumped = False
        self._set = 0.0
        """Lead of the console's clock over the steady one then."""

    @property
    def jumped(self) -> bool:
        """True if an answer since ``now`` has shown that one of the two clocks had jumped."""
        return self._jumped

    @property
    def requests(self) -> int:
        """Number of HTTP requests sent so far."""
        return self._opened.adapter.requests if self._opened else 0

    @property
    def certificates(self) -> tuple[ShownCertificate, ...]:
        """The certificate that the server showed; none if it speaks no TLS, or was not asked yet."""
        peer = self._opened.adapter.peer if self._opened else None
        return () if peer is None else (ShownCertificate(SERVER, *peer),)

    @property
    def skew(self) -> float:
        """Seconds that the server's clock is ahead of the console's; 0.0 before it was read."""
        return self._skew or 0.0

    def now(self) -> float:
        """Return the server's time. Queries it at first, and again when one of the two clocks has jumped."""
        was_set = abs(self._wall() - self._steady() - self._set) > _SKEW_TOLERATED
        if self._skew is None or self._jumped or was_set:
            opened = self._open()
            before = self._wall()
            result = _result_of(lambda: opened.client.custom_query("time()"))
            after = self._wall()
            skew = _number(result) - (before + after) / 2
            # VictoriaMetrics returns whole seconds; so small a difference is ignored.
            self._skew = skew if abs(skew) > _SKEW_TOLERATED else 0.0
            self._jumped, self._dated = False, _minus(opened.adapter.date(), after)
            self._set = after - self._steady()
        return self._wall() + self._skew

    def query(self, promql: str, at: float) -> list[Any]:
        """The result of an instant query at Unix time ``at``, where that is short."""
        opened = self._open()
        result = _result_of(lambda: opened.client.custom_query(promql, params=_time_parameter(at)))
        self._watch(opened.adapter)
        if not isinstance(result, list):
            raise not_prometheus()
        return result

    def vector(self, promql: str, at: float) -> Answer:
        """The answer to an instant query, however long."""
        answer = self._get("query", query=promql, **_time_parameter(at))
        self._watch(self._open().adapter)
        return answer

    def range(self, promql: str, start: float, end: float, step: float) -> Iterator[Any]:
        """Yield the series of a range query, both ends rounded to whole seconds; ``step`` in seconds.

        Decoded some at a time: whole, they take ten times the memory of the text. Raises SourceProblem in between, too.
        """
        ends = {"start": f"{start:.0f}", "end": f"{end:.0f}"}
        for series in self._get("query_range", query=promql, **ends, step=f"{step:g}s").elements():
            if not _is_series(series):
                raise not_prometheus()
            yield series

    def _get(self, what: str, **parameters: str) -> Answer:
        url, session = f"{self.endpoint.base}/api/v1/{what}", self._open().session
        # Set per request: a session's value would be overridden by REQUESTS_CA_BUNDLE.
        answer = session.get(url, params=parameters, timeout=self.endpoint.timeout, verify=session.verify)
        return Answer(answer.content)

    def _watch(self, adapter: Adapter) -> None:
        """Notice a clock that has jumped by the Date of this thread's last answer."""
        dated = _minus(adapter.date(), self._wall())
        # Not the Date header: a proxy in between may have a different clock.
        if dated is not None and (self._dated is None or abs(dated - self._dated) > _SKEW_TOLERATED):
            self._jumped = self._dated is not None
            self._dated = dated

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened:
            opened.client.close()

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                with IMPORTING:
                    from prometheus_api_client import PrometheusConnect
                    from urllib3.util.retry import Retry

                    from fleet.sources.prometheus.session import open_session

                session, adapter = open_session(self.endpoint, self._guard)
                base = self.endpoint.base
                client = PrometheusConnect(base, session=session, retry=Retry(0), timeout=self.endpoint.timeout)
                # PrometheusConnect mounts its own adapter there, which ours replaces.
                session.mount(base, adapter)
                self._opened = _Opened(client, session, adapter)
            return self._opened


def _minus(moment: float | None, other: float) -> float | None:
    return None if moment is None else moment - other


def _time_parameter(moment: float) -> dict[str, str]:
    return {"time": f"{moment:.3f}"}


def _is_series(element: Any) -> bool:
    """True if it is an element of a matrix: labels, and pairs of a time and a number."""
    if not isinstance(element, dict) or not isinstance(element.get("metric"), dict):
        return False
    values = element.get("values")
    return isinstance(values, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in values)


def _result_of(ask: Callable[[], Any]) -> Any:
    """The result as PrometheusConnect extracts it from the answer. Raises SourceProblem if it finds none."""
    try:
        return ask()
    except ValueError as error:
        raise no_json(str(getattr(error, "doc", "")).encode()) from None
    except (KeyError, TypeError, IndexError):
        raise not_prometheus() from None


def _number(result: Any) -> float:
    """A scalar; VictoriaMetrics answers a vector with one element instead."""
    try:
        return float(result[0]["value"][1] if isinstance(result[0], dict) else result[1])
    except (TypeError, ValueError, IndexError, KeyError):
        raise not_prometheus() from None
