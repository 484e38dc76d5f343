"""Provenance of each number of an object: its value, its age, its source, and the query that gives it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final, NamedTuple

from actions.number_words import span
from console.views import kubectl
from console.views.filter import Filter
from console.views.plot_quantities import Plotted, plotted_of
from console.views.plot_quantities import found as found_in
from console.views.series import now_of, series_of
from fleet.dataclass import dataclass
from fleet.metrics.ingredients import metrics_behind, query_behind
from fleet.metrics.products import exporter
from fleet.model.curve import Series
from fleet.model.frame import Frame
from fleet.model.naming import UNKNOWN_NAMING
from fleet.model.objects import Pod
from fleet.model.quantity import MEANINGS, Unit
from fleet.model.reading import MISSING, Reading, State
from fleet.model.snapshot import Snapshot
from fleet.sources.scrape.targets import endpoints
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Align, Line, Span, fit, plain
from widgets.text_pane import wrap
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import WORDS, Value, age_text, reading_text, unit_text

SCRAPE: Final = "scrape"
"""The name of the source that reads /metrics itself."""
WINDOW: Final = 60.0
"""Seconds of the rates where no Snapshot says another."""
_PORTS, _PATH = (8000,), "/metrics"
"""Ports and path where neither annotations nor port names tell."""


class Provenance(NamedTuple):
    """One number of an object."""

    plot: Plotted
    reading: Reading
    source: str
    """Name of the source; several with commas. Empty where nothing of it is read."""
    query: str
    """PromQL that gives the same number; for direct reads, the command that reads the metrics."""
    shown: str
    """The same in a table: PromQL, or the metrics and where they are read."""

    @property
    def key(self) -> str:
        """Key of its row."""
        return self.plot.name


def provenance_of(snapshot: Snapshot, key: str) -> tuple[Provenance, ...]:
    """The numbers of a pod, a workload with its model's gateways, a GPU, or of all GPUs of a node."""
    whole = snapshot.everything
    found = [*_each(snapshot, key, plotted_of(snapshot, key))]
    if (model := whole.model_of.get(key)) is not None:
        found += _each(snapshot, model, [plot for plot in plotted_of(snapshot, model) if plot.of_gateways])
    return tuple(found)


def row_of(numbers: Sequence[Provenance], quantity: str) -> str | None:
    """The key of the row of a quantity, by its name; None where it has none."""
    at = found_in(tuple(one.plot for one in numbers), quantity) if quantity else None
    return numbers[at].key if at is not None else None


def _each(snapshot: Snapshot, key: str, plots: Sequence[Plotted]) -> Iterator[Provenance]:
    """Yield the numbers of an object; its series are looked up once, which of a large workload takes a while."""
    series, frame = series_of(snapshot, key) if plots else None, _frame(snapshot, key)
    for plot in plots:
        reading = frame.get(key, plot.quantity) if frame is not None else MISSING
        yield _one(snapshot, key, plot, reading, series)


def _one(snapshot: Snapshot, key: str, plot: Plotted, reading: Reading, series: Series | None) -> Provenance:
    if series is None:
        return Provenance(plot, reading, "", "", "")
    whole = snapshot.everything
    sources = series.gateway_sources if plot.of_gateways else series.gpu_sources if plot.of_gpus else series.sources
    names = sources or frozenset({whole.method} - {""})
    name = ", ".join(sorted(names))
    if names == {SCRAPE}:
        return Provenance(plot, reading, name, *_read_directly(whole, key, plot, series.products))
    naming = whole.naming.get(name, UNKNOWN_NAMING)
    query = query_behind(plot.quantity, now_of(whole, key, series), whole.window or WINDOW, naming)
    return Provenance(plot, reading, name, query, query)


def _frame(snapshot: Snapshot, key: str) -> Frame | None:
    """The numbers of an object's kind; None for a node, which has none of its own."""
    for rows, frame in (
        (snapshot.pods, snapshot.by_pod),
        (snapshot.workloads, snapshot.by_workload),
        (snapshot.gpus, snapshot.by_gpu),
        (snapshot.models, snapshot.before_models),
    ):
        if key in rows:
            return frame
    return None


def _read_directly(snapshot: Snapshot, key: str, plot: Plotted, products: Iterable[str]) -> tuple[str, str]:
    """The command that reads the metrics behind a quantity from the first of its pods, and the place of each; empty if
    none answers.
    """
    answering = _answering_pods(snapshot, key, plot)
    pod, others = next(answering, None), next(answering, None) is not None
    spoken = list(products) or ([pod.serving.engine] if pod is not None and pod.serving.engine else [])
    names = metrics_behind(plot.quantity, spoken)
    found = next(iter(endpoints((pod,), _PORTS, _PATH)), None) if pod is not None else None
    if found is None or not names:
        return "", ""
    url = f"{'https' if found.tls else 'http'}://{found.address}{found.path}"
    if snapshot.is_machine:
        read = shlex.join(["curl", "-s", url])
    else:
        scheme = "https:" if found.tls else ""
        path = f"/api/v1/namespaces/{found.pod.namespace}/pods/{scheme}{found.pod.name}:{found.port}/proxy{found.path}"
        read = kubectl.command(snapshot.cluster.context, "", "get", "--raw", path)
    wanted = "|".join(names)
    return (
        f"{read} | grep -E {shlex.quote(f'^({wanted})')}",
        f"{', '.join(names)} at {url}{', alike at the others' * others}",
    )


def _answering_pods(snapshot: Snapshot, key: str, plot: Plotted) -> Iterator[Pod]:
    """The pods that answer the metrics of an object: of a GPU its node's exporter, else those of its engines."""
    if (gpu := snapshot.gpus.get(key)) is not None:
        yield from (pod for pod in snapshot.pods.values() if pod.node == gpu.node and exporter(pod.labels) is not None)
        return
    members = [key] if key in snapshot.pods else list(snapshot.pods_of.get(key, ()))
    pods = [snapshot.pods[member] for member in members if member in snapshot.pods]
    if plot.of_gpus:
        nodes = {pod.node for pod in pods}
        pods = [pod for pod in snapshot.pods.values() if pod.node in nodes and exporter(pod.labels) is not None]
    yield from sorted(pods, key=lambda pod: not pod.ready)


class _Value(NamedTuple):
    """A reading with its unit, as a cell."""

    reading: Reading
    unit: Unit

    def text(self, glyphs: Glyphs) -> Value:
        """The number and its unit, separated if the unit is a word."""
        word = self.unit in WORDS and self.reading.known
        text, role = reading_text(self.reading, self.unit, glyphs=glyphs, with_unit=not word)
        return Value(f"{text} {unit_text(self.unit)}" if word else text, role)

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        text, role = self.text(glyphs)
        return (Span(fit(text, width, align, glyphs.ellipsis), role),)


def value_text(one: Provenance, glyphs: Glyphs) -> str:
    """Return the number and its unit as text."""
    return _Value(one.reading, one.plot.unit).text(glyphs).text


_COLUMNS = (
    GridColumn("what", "NUMBER", 24, align="left", grow=1, widest=36, priority=0),
    GridColumn("value", "NOW", 12, priority=0),
    GridColumn("age", "AGE", 4, priority=2),
    GridColumn("source", "FROM", 10, align="left", grow=1, widest=24, priority=3),
    GridColumn("query", "WHAT GIVES IT", 10, align="left", grow=6, widest=400, priority=1),
)


def title_of(snapshot: Snapshot, key: str) -> Line:
    """``numbers of chat-70b``, and what rates and percentiles are of."""
    gpu = snapshot.everything.gpus.get(key)
    name = untrusted_name(f"{gpu.node} GPU {gpu.ordinal}" if gpu is not None else key.rpartition("/")[2])
    window = f"rates and percentiles of the last {span(snapshot.window)}" if snapshot.window else ""
    return Line((Span(f" numbers of {name}", Role.STRONG), Span(f"   {window}", Role.DIM)))


def whole_lines(one: Provenance, width: int, most: int, glyphs: Glyphs) -> list[Line]:
    """The number under the cursor with its whole query; of a long one as much as ``most`` lines hold."""
    value = value_text(one, glyphs)
    meaning = f"   {MEANINGS[one.plot.quantity].text}"
    head_line = Line((Span(f" {one.plot.title} {value}", Role.STRONG), Span(meaning, Role.DIM)))
    lines = [Line((Span(f"   {one.query[start:end]}"),)) for start, end in wrap(one.query, max(20, width - 4))]
    if len(lines) > most - 1:
        lines = [*lines[: max(0, most - 2)], plain(f"   {glyphs.ellipsis} enter copies all of it", Role.DIM)]
    return [head_line, *lines]


@dataclass(frozen=True, slots=True, eq=False)
class ProvenanceModel:
    """A GridModel of the numbers of an object; keys are the names that ``:plot`` takes."""

    numbers: Sequence[Provenance]
    filter: Filter
    waiting: str = "nothing of this is measured\nesc goes back"
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = field(default=_COLUMNS)

    @property
    def groups(self) -> Sequence[RowGroup]:
        shown = (one for one in self.numbers if not self.filter or self.filter.matches(_words(one), {}))
        return [RowGroup(one.key) for one in shown]

    def row(self, key: str) -> GridRow:
        one = next(one for one in self.numbers if one.key == key)
        age = age_text(one.reading.age) if one.reading.known else ""
        role = Role.STALE if one.reading.state is State.STALE else Role.DIM
        return GridRow(
            key,
            (
                Text(one.plot.title, Role.STRONG),
                _Value(one.reading, one.plot.unit),
                Text(age, role),
                Text(untrusted(one.source), Role.DIM),
                Text(untrusted(one.shown)) if one.shown else Name("no query returns it", Role.DIM),
            ),
        )


def _words(one: Provenance) -> str:
    return f"{one.plot.name} {one.plot.title} {one.plot.quantity} {one.query}"
