"""One /metrics endpoint: where it is, and its state between ticks."""

from __future__ import annotations

import math
from array import array
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from ssl import SSLContext

from fleet.dataclass import dataclass
from fleet.metrics.binding import bind, names
from fleet.metrics.counter_window import Window
from fleet.metrics.dialect import IMPLAUSIBLE, bit_words
from fleet.metrics.exposition import ExpositionParser, Layouts, SampleSeries, metric_names
from fleet.metrics.products import by_metrics, is_read
from fleet.metrics.series_cells import Binding, numbers
from fleet.model.problem import NoMetricsError, SourceProblem, UnreadError

_NO_REASONS: Mapping[str, tuple[str, ...]] = {}

Fetch = Callable[[str], Awaitable[bytes]]
"""Returns the body of a GET on a path (for example through the API server's proxy).

Raises SourceProblem, OSError or TimeoutError if it cannot.
"""


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One endpoint to scrape in this tick.

    Either ``url`` is requested over HTTP (with ``headers`` and, for https, ``ssl``), or ``fetch`` is called with the
    path.
    """

    namespace: str
    pod: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    ssl: SSLContext | bool = True
    """TLS as aiohttp has it: True verifies against the system's CAs, False does not verify."""
    fetch: Fetch | None = None
    node: str = ""
    """The node that it runs on; empty if unknown."""
    name: str = ""
    """Name of the target where its pod answers at several ports."""

    elsewhere: tuple[str, ...] = ()
    """URLs that are tried where this one has no metrics, as far as they lead to the same server."""
    hint: str = ""
    """A possible reason why it has none, in words."""
    known: bool = True
    """True for an exporter, gateway or engine whose metrics are read: other metrics there are a mistake."""
    over_tls: ScrapeTarget | None = None
    """The same target over TLS, for a server that does not speak HTTP in clear text although nothing says so."""

    @property
    def key(self) -> str:
        """Key of the target in ``Measurement.unreachable``."""
        return self.name or (f"{self.namespace}/{self.pod}" if self.pod else self.url)

    def at(self, place: int) -> ScrapeTarget:
        """Return the same target at the first, second … of the other URLs."""
        secured = None if self.over_tls is None else replace(self.over_tls, url=self.over_tls.elsewhere[place])
        return replace(self, url=self.elsewhere[place], over_tls=secured)


class TargetState:
    """The counters of a target over the window, and the meaning of its lines."""

    __slots__ = (
        "_node",
        "_parser",
        "_rates_of_gpus",
        "_series",
        "binding",
        "gauges",
        "heard_at",
        "latest",
        "odd",
        "place",
        "reasons",
        "sampled_at",
        "wants_tls",
        "window",
    )

    def __init__(self, span: float, layouts: Layouts | None = None) -> None:
        self._parser = ExpositionParser(names(), layouts)
        self._series: tuple[SampleSeries, ...] | None = None
        self._node = ""
        self.binding = Binding()
        self.wants_tls = False
        """True once it has refused clear text and answered over TLS."""
        self.odd = False
        """True once the small client could not handle its answer: that client is not used again, wherever it redirects
        to.
        """
        self.place = -1
        """The other URL that has its metrics; -1 for none."""
        self.window = Window(span)
        self.gauges = array("d")
        """Values of the cells of ``binding.gauges``."""
        self.latest = array("d")
        """Values of the cells of ``binding.latest``; empty before the second answer."""
        self.reasons: Mapping[str, tuple[str, ...]] = _NO_REASONS
        """GPU key → what lowers its clocks now, for the GPUs that report it."""
        self._rates_of_gpus: list[float] | None = None
        """The numbers of ``of_gpus.rates``; None where the last answer's have not been read."""
        self.heard_at = -math.inf
        """Unix time of the last answer."""
        self.sampled_at = -math.inf
        """Unix time of the values: that of the answer, or of the oldest sample if the target itself gives times."""

    def take(self, target: ScrapeTarget, body: bytes, *, whole: bool, clock: float, now: float) -> None:
        """Read one answer, received at steady time ``clock`` and Unix time ``now``.

        Raises SourceProblem if it is not an exposition, or contains nothing that a dialect knows.
        """
        exposition = self._parser.parse(body, whole=whole)
        if exposition.series is not self._series or target.node != self._node:
            where = target.namespace, target.pod, _address(target.url), target.node
            binding = bind(exposition.series).at(*where, port=target.name.rpartition(":")[2])
            if binding.empty:
                raise _nothing_read(body, known=target.known)
            self.window.relabel(binding.source(self.binding) if self._series is not None else ())
            self._series, self._node, self.binding = exposition.series, target.node, binding
        values, gpus, masks = exposition.values, self.binding.gpus, self.binding.masks
        gained = self.window.add(clock, [values[i] for i in self.binding.counters])
        if gained is not None:
            per_second = (cell.of(gained.counters) / gained.seconds for cell in self.binding.latest)
        self.latest = array("d", per_second if gained is not None else ())
        # Only the cells are kept until the next answer, which has ten times as many values.
        self.gauges = array("d", numbers(self.binding.gauges, values))
        self._rates_of_gpus = None
        self.reasons = {gpus[row].key: bit_words(values[at], bits) for row, at, bits in masks} if masks else _NO_REASONS
        self.heard_at = now
        self.sampled_at = now if exposition.oldest is None else min(now, exposition.oldest)

    def is_due(self, clock: float, gpus_every: float) -> bool:
        """True if it is to be asked at steady time ``clock``. A GPU exporter, once its rates are known, is not within
        ``gpus_every`` seconds of its last answer.
        """
        binding = self.binding
        if not binding.gpus or binding.engines or binding.gateways or (binding.counters and not self.window.covered):
            return True
        return clock - self.window.at >= gpus_every

    def rates_of_gpus(self) -> list[float]:
        """Return the number of each of the binding's rates of GPUs. Between two answers they are read once."""
        if self._rates_of_gpus is None:
            self._rates_of_gpus = numbers(self.binding.of_gpus.rates, self.rates())
        return self._rates_of_gpus

    def rates(self) -> Sequence[float]:
        """Return the rates of the counters, NaN if unknown."""
        rates = self.window.rates()
        if not self.binding.gpus:
            return rates
        # A GPU exporter writes a huge number for a missing value.
        return [math.nan if now >= IMPLAUSIBLE else rate for now, rate in zip(self.window.now, rates, strict=True)]


def _nothing_read(body: bytes, *, known: bool) -> SourceProblem:
    """Return the problem of metrics that no dialect knows: the product's name, if their names show it."""
    found = metric_names(body)
    engine = by_metrics(found)
    if engine is not None and not is_read(engine):
        return UnreadError(engine.unread)
    if engine is not None and engine.speaks:
        return UnreadError(f"{engine.name}: returns only metrics that are not read")
    whose = f" ({found[0]} …)" if found else ""
    if found and not known:
        return UnreadError(f"returns metrics of an unknown engine{whose}: not read")
    return NoMetricsError(
        f"returns metrics, but none of a supported engine, gateway or GPU{whose}: "
        "another server's port, or the engine's own are switched off",
        "check the port: is this the engine's own /metrics?",
    )


def _address(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
