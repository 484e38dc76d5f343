"""The measurement of a metrics source: one type, for Prometheus and for direct scrapes."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.histogram import Histogram
from fleet.model.naming import Naming
from fleet.model.quantity import Family, Quantity


class EngineId(NamedTuple):
    """One engine (a server's process, or one data-parallel rank of it) as the metrics name it.

    ``namespace`` and ``pod`` are empty if the labels lack them; then ``instance`` (host:port of the scrape) is joined
    through the pod IP. ``model`` is empty if its metrics name none.
    """

    namespace: str
    pod: str
    model: str
    engine: str
    instance: str = ""

    @property
    def key(self) -> str:
        """Unique within a Snapshot."""
        pod = f"{self.namespace}/{self.pod}" if self.pod else self.instance
        return f"{pod}#{self.engine}@{self.model}"


class GatewayId(NamedTuple):
    """The scope of a gateway's counts: one model, one backend, both, or everything.

    ``dialect`` is the product's name, ``backend`` host:port of the server; ``model`` and ``backend`` are empty if the
    numbers are not split by them. The process is named as an engine's is.
    """

    namespace: str
    pod: str
    dialect: str
    model: str = ""
    backend: str = ""
    instance: str = ""

    @property
    def key(self) -> str:
        """Unique among the rows of all gateways."""
        process = f"{self.namespace}/{self.pod}" if self.pod else self.instance
        behind = f">{self.backend}" if self.backend else ""
        return f"{process}{behind}@{self.model}"

    @property
    def process(self) -> tuple[str, str, str]:
        """The process that counts: the same in its rows for several models and backends."""
        return self.namespace, self.pod, self.instance


class GpuId(NamedTuple):
    """One GPU, or one MIG instance of it, as its exporter names it, and the pod that holds it (empty for none).

    A card that is shared in time (time slicing, MPS) is one GPU with several holders.
    """

    uuid: str
    instance_id: str
    """Part of a GPU; empty for a whole one."""
    node: str
    """Host name, else the node of the exporter's pod, else empty."""
    ordinal: str
    """Number on its node."""
    namespace: str = ""
    pod: str = ""
    model: str = ""
    """Product, for example NVIDIA H100 80GB HBM3."""
    profile: str = ""
    """GPU_I_PROFILE, for example 1g.10gb."""
    sharers: tuple[tuple[str, str], ...] = ()
    """(namespace, pod) of the others that hold it too, sorted."""

    @property
    def key(self) -> str:
        return f"{self.uuid}/{self.instance_id}" if self.instance_id else self.uuid

    @property
    def holders(self) -> tuple[tuple[str, str], ...]:
        """(namespace, pod) of everybody who holds it; empty for a GPU that no pod is named on."""
        return ((self.namespace, self.pod), *self.sharers) if self.pod else ()


class HistogramKey(NamedTuple):
    """The owner of a histogram's observations.

    ``engine`` set: one engine; only ``pod``: all engines and models of a pod; neither: one model in a namespace.
    """

    namespace: str
    model: str = ""
    pod: str = ""
    engine: str = ""
    instance: str = ""


class SourceNames(NamedTuple):
    """The names of the sources that rows are of, aligned with the rows; empty where all are of one."""

    engines: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Columns aligned with ``ids``; NaN where a series is missing. ``ages`` in seconds at ``Measurement.at``."""

    columns: Mapping[Quantity, array[float]] = field(default_factory=dict)
    ages: array[float] = field(default_factory=lambda: array("d"))
    reset: frozenset[int] = frozenset()
    """Rows whose counters restarted within the window."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything that one metrics source knows at one moment, or several sources of one fleet
    (``fleet.metrics.merged_measurement``).

    ``histograms[family][group]`` holds bucket rates over ``window`` seconds; a source gives the groups that it has (the
    direct scrape every engine; Prometheus every model, and the requested pods). ``means`` are sums of seconds and
    counts per second of the phase histograms per engine row: phase → (rate of sum, rate of count).
    """

    source: str
    """Method of measurement, prometheus or scrape; with several sources, that of the one with the engines."""
    at: float
    """Unix time of the values (Prometheus: the evaluation time)."""
    window: float
    """Seconds over which rates and percentiles are taken."""
    interval: float
    """Scrape interval in seconds, as seen in the data; fleet.snapshot.freshness uses it to judge a sample's age."""
    engines: tuple[EngineId, ...] = ()
    engine_table: Table = field(default_factory=Table)
    dialects: tuple[tuple[str, ...], ...] = ()
    """The products whose metrics each engine exposes, aligned with ``engines``: an engine, and what runs it."""
    gateways: tuple[GatewayId, ...] = ()
    gateway_table: Table = field(default_factory=Table)
    gateway_histograms: Mapping[Family, Mapping[GatewayId, Histogram]] = field(default_factory=dict)
    gpus: tuple[GpuId, ...] = ()
    gpu_table: Table = field(default_factory=Table)
    histograms: Mapping[Family, Mapping[HistogramKey, Histogram]] = field(default_factory=dict)
    means: Mapping[Quantity, tuple[array[float], array[float]]] = field(default_factory=dict)
    """QUEUE_MEAN, PREFILL_MEAN, DECODE_MEAN → (sum rates, count rates), aligned with ``engines``."""
    unreachable: Mapping[str, str] = field(default_factory=dict)
    """Targets that failed or answered garbage: ``namespace/pod`` or address → what is wrong, in words."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Targets with the metrics of a product that is not read: as above → its name. Not an error."""
    requests: int = 0
    """HTTP requests that this measurement cost."""
    gpu_interval: float = 0.0
    """Scrape interval of the GPU exporters in seconds, where it is known to differ; 0.0 means ``interval``."""
    clock_skew: float = 0.0
    """Seconds that the clock of ``at`` (the server's) is ahead of the console's."""
    notes: tuple[str, ...] = ()
    """Lesser things that are wrong, in words."""
    throttle_reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """``GpuId.key`` → what lowers the clocks now, in words; only GPUs whose exporter reports it (empty tuple:
    nothing).
    """
    sources: SourceNames = SourceNames()
    """Name of the source of each row, if there are several."""
    naming: Mapping[str, Naming] = field(default_factory=dict)
    """The naming of its series, by the name of the source; only for metrics stores."""
