"""PrometheusConnect with our session under it: blocking calls, made from worker threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from fleet.guard import reads_only
from fleet.imports import IMPORTING
from fleet.sources.problem import SourceProblem

if TYPE_CHECKING:
    from prometheus_api_client import PrometheusConnect

    from fleet.guard import Guard
    from fleet.sources.prometheus.session import Adapter
    from fleet.sources.prometheus.transport import PrometheusEndpoint

_SKEW_TOLERATED = 2.0
"""Seconds: the Date header has whole seconds, and an answer takes its time."""


class Api:
    """The query API of one Prometheus. Nothing is imported or opened before the first call.

    Every method raises SourceProblem, in words, for whatever goes wrong. ``wall`` is the console's clock (Unix).
    """

    def __init__(
        self, endpoint: PrometheusEndpoint, guard: Guard = reads_only, wall: Callable[[], float] = time.time
    ) -> None:
        self.endpoint = endpoint
        self._guard = guard
        self._wall = wall
        self._lock = threading.Lock()
        self._opened: tuple[PrometheusConnect, Adapter] | None = None
        self._skew: float | None = None
        self._dated: float | None = None
        """By how much the answers' Date was ahead of this clock when the server's time was asked."""
        self._jumped = False

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent so far."""
        return self._opened[1].requests if self._opened else 0

    @property
    def skew(self) -> float:
        """Seconds that the server's clock is ahead of the console's; 0.0 before it was asked."""
        return self._skew or 0.0

    def now(self) -> float:
        """The server's time. Asks for it at first, and again when one of the two clocks has jumped."""
        if self._skew is None or self._jumped:
            client, adapter = self._open()
            before = self._wall()
            result = client.custom_query("time()")
            after = self._wall()
            skew = _number(result) - (before + after) / 2
            # VictoriaMetrics answers whole seconds; so small a difference is none.
            self._skew = skew if abs(skew) > _SKEW_TOLERATED else 0.0
            self._jumped, self._dated = False, _minus(adapter.date(), after)
        return self._wall() + self._skew

    def query(self, promql: str, at: float) -> tuple[list[Any], tuple[str, ...]]:
        """The result of an instant query at Unix time ``at``, and the warnings that came with it."""
        result, warnings = self.elements(promql, at)
        return list(result), warnings

    def elements(self, promql: str, at: float) -> tuple[Iterable[Any], tuple[str, ...]]:
        """The same, to be gone through once: a long result is decoded a part at a time.

        Only then may it turn out that one of the later parts is broken, which raises SourceProblem.
        """
        client, adapter = self._open()
        result = client.custom_query(promql, params={"time": f"{at:.3f}"})
        dated = _minus(adapter.date(), self._wall())
        # Not the Date itself: a proxy in between may have a clock of its own.
        if dated is not None and (self._dated is None or abs(dated - self._dated) > _SKEW_TOLERATED):
            self._jumped = self._dated is not None
            self._dated = dated
        return _series(result), adapter.warnings()

    def range(self, promql: str, start: float, end: float, step: float) -> list[Any]:
        """The result of a range query, both ends rounded to whole seconds; ``step`` in seconds."""
        client, _ = self._open()
        ends = (datetime.fromtimestamp(moment, UTC) for moment in (start, end))
        return list(_series(client.custom_query_range(promql, *ends, step=f"{step:g}s")))

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened:
            opened[0].close()

    def _open(self) -> tuple[PrometheusConnect, Adapter]:
        with self._lock:
            if self._opened is None:
                with IMPORTING:
                    from prometheus_api_client import PrometheusConnect
                    from urllib3.util.retry import Retry

                    from fleet.sources.prometheus.session import open_session

                session, adapter = open_session(self.endpoint, self._guard)
                base = self.endpoint.base
                client = PrometheusConnect(base, session=session, retry=Retry(0), timeout=self.endpoint.timeout)
                # PrometheusConnect mounts an adapter of its own there; ours takes its place.
                session.mount(base, adapter)
                self._opened = (client, adapter)
            return self._opened


def _minus(moment: float | None, other: float) -> float | None:
    return None if moment is None else moment - other


def _series(result: Any) -> Iterable[Any]:
    if not isinstance(result, list | chain):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL")
    return result


def _number(result: Any) -> float:
    """A scalar; VictoriaMetrics answers a vector with one element instead."""
    try:
        return float(result[0]["value"][1] if isinstance(result[0], dict) else result[1])
    except (TypeError, ValueError, IndexError, KeyError):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL") from None
