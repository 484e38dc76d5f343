"""The http_ families that prometheus-fastapi-instrumentator adds to a server's /metrics page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from simulator.exposition import HistogramLines, created, header, number, series
from simulator.stats import HttpStats


@lru_cache(maxsize=256)
def http_page(created_at: float) -> HttpPage:
    """The layout of the http_ families, shared like that of the others."""
    return HttpPage(created_at)


class HttpPage:
    """The http_ families of prometheus-fastapi-instrumentator."""

    _SIZE = (
        "Only value of header is respected. Otherwise ignored. No percentile calculated. "  # ends so in the original
    )
    _HIGHR = "Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. "
    _DURATION = (
        "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. "
    )

    def __init__(self, created_at: float) -> None:
        self._at = created_at
        self._highr = HistogramLines("http_request_duration_highr_seconds", {})
        self._durations: dict[tuple[str, str], HistogramLines] = {}

    def render(self, stats: HttpStats) -> str:
        """The families with what `stats` has counted so far."""
        keys = [dict(zip(("handler", "method", "status"), key, strict=True)) for key in stats.requests]
        name, text = "http_requests_total", "Total number of requests by method, status and handler."
        parts = [header(name, "counter", text)]
        parts += [
            f"{series(name, labels)} {number(n)}\n" for labels, n in zip(keys, stats.requests.values(), strict=True)
        ]
        parts.append(created("http_requests", text, keys, self._at))
        parts += self._sizes("http_request_size_bytes", "incoming requests", stats, stats.received)
        parts += self._sizes("http_response_size_bytes", "outgoing responses", stats, stats.sent)
        name = "http_request_duration_highr_seconds"
        parts += [header(name, "histogram", self._HIGHR), self._highr.render(stats.highr)]
        parts.append(created(name, self._HIGHR, [{}], self._at))
        name = "http_request_duration_seconds"
        parts.append(header(name, "histogram", self._DURATION))
        routes = []
        for key, histogram in stats.durations.items():
            labels = {"handler": key[0], "method": key[1]}
            routes.append(labels)
            lines = self._durations.setdefault(key, HistogramLines(name, labels))
            parts.append(lines.render(histogram))
        parts.append(created(name, self._DURATION, routes, self._at))
        return "".join(parts)

    def _sizes(self, name: str, what: str, stats: HttpStats, sizes: Mapping[str, int]) -> list[str]:
        text = f"Content length of {what} by handler. {self._SIZE}"
        parts = [header(name, "summary", text)]
        for handler, total in sizes.items():
            count = sum(n for key, n in stats.requests.items() if key[0] == handler)
            parts.append(f'{name}_count{{handler="{handler}"}} {number(count)}\n')
            parts.append(f'{name}_sum{{handler="{handler}"}} {number(total)}\n')
        parts.append(created(name, text, [{"handler": handler} for handler in sizes], self._at))
        return parts
