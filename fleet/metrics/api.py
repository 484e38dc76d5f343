"""PrometheusConnect with our session under it: blocking calls, made from worker threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fleet.metrics.problem import SourceProblem

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

    from fleet.metrics.session import Adapter
    from fleet.metrics.transport import Guard, PrometheusEndpoint

_SKEW_TOLERATED = 2.0
"""Seconds: the Date header has whole seconds, and an answer takes its time."""


class Api:
    """The query API of one Prometheus. Nothing is imported or opened before the first call.

    Every method raises SourceProblem, in words, for whatever goes wrong. ``wall`` is the console's clock (Unix).
    """

    def __init__(
        self, endpoint: PrometheusEndpoint, guard: Guard | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self.endpoint = endpoint
        self._guard = guard
        self._wall = wall
        self._lock = threading.Lock()
        self._opened: tuple[PrometheusConnect, Adapter] | None = None
        self._skew: float | None = None

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        return self._opened[1].requests if self._opened else 0

    @property
    def skew(self) -> float:
        """Seconds that the server's clock is ahead of the console's; 0.0 before it was asked."""
        return self._skew or 0.0

    def now(self) -> float:
        """The server's time. Asks for it at first, and again when its answers are dated otherwise."""
        if self._skew is None:
            client, _ = self._open()
            before = self._wall()
            result = client.custom_query("time()")
            after = self._wall()
            self._skew = _number(result) - (before + after) / 2
        return self._wall() + self._skew

    def query(self, promql: str, at: float) -> tuple[list[Any], tuple[str, ...]]:
        """The result of an instant query at Unix time ``at``, and the warnings that came with it."""
        client, adapter = self._open()
        result = client.custom_query(promql, params={"time": f"{at:.3f}"})
        self._check_clock(adapter.date())
        return _list(result), adapter.warnings()

    def range(self, promql: str, start: float, end: float, step: float) -> list[Any]:
        """The result of a range query, both ends rounded to whole seconds; ``step`` in seconds."""
        client, _ = self._open()
        ends = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
        return _list(client.custom_query_range(promql, *ends, step=f"{step:g}s"))

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened:
            opened[0].close()

    def _open(self) -> tuple[PrometheusConnect, Adapter]:
        with self._lock:
            if self._opened is None:
                from prometheus_api_client import PrometheusConnect
                from urllib3.util.retry import Retry

                from fleet.metrics.session import open_session

                session, adapter = open_session(self.endpoint, self._guard)
                base = self.endpoint.base
                client = PrometheusConnect(base, session=session, retry=Retry(0), timeout=self.endpoint.timeout)
                # PrometheusConnect mounts an adapter of its own there; ours takes its place.
                session.mount(base, adapter)
                self._opened = (client, adapter)
            return self._opened

    def _check_clock(self, date: float | None) -> None:
        if date is not None and abs(date + 0.5 - (self._wall() + self.skew)) > _SKEW_TOLERATED + 0.5:
            self._skew = None


def _list(result: Any) -> list[Any]:
    if not isinstance(result, list):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL")
    return result


def _number(result: Any) -> float:
    try:
        return float(result[1])
    except (TypeError, ValueError, IndexError, KeyError):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL") from None
