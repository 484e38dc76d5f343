"""An engine's /metrics page in the Prometheus text format, as prometheus_client writes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from simulator.families import DIALECTS, Dialect, Family
from simulator.histogram import Histogram


@dataclass(frozen=True, slots=True)
class Readings:
    """The values of an engine's families by key: single series, series by label value, histograms."""

    single: Mapping[str, float]
    labelled: Mapping[str, Mapping[str, float]]
    histograms: Mapping[str, Histogram]


_Render = Callable[[Readings], str]

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


def number(value: float) -> str:
    """A sample value as prometheus_client prints it: `120.0`, `1.79e+09`, `+Inf`."""
    if value == math.inf:
        return "+Inf"
    text = repr(float(value))
    dot = text.find(".")
    if value > 0 and dot > 6:
        mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
        return f"{mantissa}e+{dot - 1:02d}"
    return text


def series(name: str, labels: Mapping[str, str]) -> str:
    """A series' name with its labels in alphabetical order, escaped."""
    if not labels:
        return name
    inside = ",".join(f'{key}="{_escape(labels[key])}"' for key in sorted(labels))
    return f"{name}{{{inside}}}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def header(name: str, kind: str, text: str) -> str:
    """The HELP and TYPE lines of a family."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


@lru_cache(maxsize=256)
def exposition(version: str, model_name: str, engine: str, created: float) -> Exposition:
    """The layout of an engine's page; replicas that started together share it."""
    return Exposition(DIALECTS[version], model_name, engine, created)


class Exposition:
    """Renders an engine's readings; the layout is laid out once, a scrape fills in the numbers."""

    def __init__(self, dialect: Dialect, model_name: str, engine: str, created: float) -> None:
        self._dialect = dialect
        self._model_name = model_name
        self._engine = engine
        self._created = created
        self._parts = [self._compile(family) for family in dialect.families]

    def render(self, readings: Readings) -> str:
        """The vllm: families but `cache_config_info`. Raises KeyError for a family without a reading."""
        return "".join([part(readings) for part in self._parts])

    def _labels(self, family: Family) -> dict[str, str]:
        labels = {"model_name": self._model_name}
        # admission happens in the front end, before an engine is chosen
        if family.engine_label and family.key != "admission_rejections":
            labels["engine"] = self._engine
        return labels

    def _compile(self, family: Family) -> _Render:
        base = self._labels(family)
        head = header(family.name, family.kind, family.help)
        sets = [base | {family.label: value} for value in family.values] or [base]
        tail = ""
        if family.kind in {"counter", "histogram"}:
            stem = family.name.removesuffix("_total") if family.kind == "counter" else family.name
            tail = created(stem, family.help, sets, self._created)
        if family.kind == "histogram":
            lines = HistogramLines(family.name, base, family.max_edge)
            return lambda readings: head + lines.render(readings.histograms[family.key]) + tail
        if family.values:
            names = [
                (value, series(family.name, labels) + " ") for value, labels in zip(family.values, sets, strict=True)
            ]

            def labelled(readings: Readings) -> str:
                values = readings.labelled[family.key]
                return head + "".join([f"{name}{number(values[key])}\n" for key, name in names]) + tail

            return labelled
        start = head + series(family.name, base) + " "

        return lambda readings: f"{start}{number(readings.single[family.key])}\n{tail}"


def created(stem: str, text: str, sets: list[dict[str, str]], at: float) -> str:
    """The `_created` family that prometheus_client puts after a counter, histogram or summary."""
    lines = "".join(f"{series(stem + '_created', labels)} {number(at)}\n" for labels in sets)
    return header(f"{stem}_created", "gauge", text) + lines


class HistogramLines:
    """The series of one histogram; their names are made once."""

    def __init__(self, name: str, labels: Mapping[str, str], max_edge: float = math.inf) -> None:
        self._name = name
        self._labels = labels
        self._max_edge = max_edge
        self._names: dict[tuple[float, ...], list[str]] = {}

    def render(self, histogram: Histogram) -> str:
        """Its `_bucket`, `_count` and `_sum` lines."""
        names = self._names.get(histogram.edges)
        if names is None:
            names = self._names[histogram.edges] = self._make_names(histogram.edges)
        total = float(histogram.count)
        values = [*map(number, histogram.cumulative()[: len(names) - 3]), number(total), number(total)]
        values.append(number(histogram.sum))
        return "".join([f"{name}{value}\n" for name, value in zip(names, values, strict=True)])

    def _make_names(self, edges: tuple[float, ...]) -> list[str]:
        shown = [number(edge) for edge in edges if edge <= self._max_edge]
        names = [series(f"{self._name}_bucket", {**self._labels, "le": edge}) for edge in (*shown, "+Inf")]
        names += [series(f"{self._name}_{part}", self._labels) for part in ("count", "sum")]
        return [f"{name} " for name in names]
