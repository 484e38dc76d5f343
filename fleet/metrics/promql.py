"""The PromQL of a tick, made from the dialects. How many queries there are does not depend on the fleet.

Queries are joined with ``or``; each part carries a label ``q`` that says what it is. Rates of a renamed counter are
``rate(new) or rate(old)`` per series, so that a process that exposes both is counted once, under its newest name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fleet.metrics.dcgm import DCGM, REASON_MASKS
from fleet.metrics.dialect import IMPLAUSIBLE, Dialect, Kind, Match, Op, Rule
from fleet.metrics.identity import (
    ENGINE_LABELS,
    GPU_KEY_LABELS,
    GPU_LABELS,
    MODEL_LABELS,
    NAMESPACE_LABELS,
    PROCESS_LABELS,
)
from fleet.metrics.vllm import VLLM
from fleet.model.quantity import Family

TAG = "q"
"""The label that names a part of a joined query."""
STAMP = "stamp"
DOWN = "down"
PRESENT = "present"
RESET = "reset"

_READ_FROM_LABELS = ("reason", "sleep_state", "kv_cache_size_tokens", "num_gpu_blocks", "block_size")
"""Labels of the gauges that carry values, not identity."""


def literal(text: str) -> str:
    """A PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def pattern(values: Iterable[str]) -> str:
    """A regular expression (RE2) that matches these strings.

    Dots stay bare: the values are addresses and names, escaping would double the length of the URL, and whoever reads
    the answer drops what it did not ask for.
    """
    return "|".join("".join(f"\\{c}" if c in r"\+*?()|[]{}^$" else c for c in value) for value in sorted(values))


def selector(name: str, matches: Iterable[Match] = ()) -> str:
    """An instant selector; the colon of ``vllm:x`` needs no quotes."""
    inside = ",".join(f"{match.label}{match.op.value}{literal(match.value)}" for match in matches)
    return f"{name}{{{inside}}}" if inside else name


@dataclass(frozen=True, slots=True)
class Scope:
    """What the queries are about.

    ``names``: the counters and histograms that the data have, as they spell them. ``labels``: those that the data have
    of the labels that may name an engine. ``window``: seconds of the rates. Asking for nothing else keeps the queries
    short enough for any proxy's limit on URLs.
    """

    names: frozenset[str]
    labels: frozenset[str] = frozenset(ENGINE_LABELS)
    window: float = 60.0

    @property
    def range(self) -> str:
        """The window as PromQL has it, to the millisecond."""
        milliseconds = round(self.window * 1000)
        return f"[{milliseconds}ms]" if milliseconds % 1000 else f"[{milliseconds // 1000}s]"

    def by(self, *labels: str) -> str:
        """The labels to keep in an aggregation."""
        return _join(label for label in labels if label in self.labels or label not in ENGINE_LABELS)

    def spellings(self, dialect: Dialect, name: str) -> list[str]:
        """The names that this metric has here; none where it is absent."""
        spelt = dialect.spellings(name)
        return list(spelt) if len(spelt) == 1 else [n for n in spelt if _presence(n) in self.names]


def _gauges() -> str:
    """Every gauge of the engines in every spelling, by name, with the labels that say whose it is."""
    named = _named(VLLM, {metric.name for _, metric in VLLM.gauges()})
    return f"max by (__name__, {_join((*ENGINE_LABELS, *_READ_FROM_LABELS))}) ({selector('', named)})"


def _named(dialect: Dialect, names: Iterable[str]) -> tuple[Match, ...]:
    return (Match("__name__", Op.MATCHES, _spelt(dialect, names)), *dialect.exclude)


def engines() -> str:
    """The first query of a tick: gauges, sample times, which other names there are, and which targets are down."""
    return " or ".join((_gauges(), _stamps(VLLM, _present_names(VLLM)), _present(), _down()))


def _present() -> str:
    counters = {metric.name for _, metric in VLLM.counters()}
    bases = {base for bases in (*VLLM.families.values(), *VLLM.phases.values()) for base in bases}
    names = {name for name in counters if len(VLLM.spellings(name)) > 1} | {f"{base}_count" for base in bases}
    return tagged(PRESENT, f"count by (__name__) ({selector('', _named(VLLM, names))})")


def _spelt(dialect: Dialect, names: Iterable[str]) -> str:
    """A regular expression for these names of a dialect in every spelling."""
    own = dialect.prefixes[0]
    bare = pattern(name.removeprefix(own) for name in names)
    return f"({pattern(dialect.prefixes)})({bare})" if own else bare


def _presence(name: str) -> str:
    """The name that tells whether a sample name is there: of a histogram its count."""
    for part in ("_bucket", "_sum"):
        name = name.removesuffix(part)
    return name if name.endswith(("_total", "_count")) else f"{name}_count"


def _down() -> str:
    """Targets that do not answer Prometheus, of the jobs that scrape engines."""
    running = " or ".join(selector(name, VLLM.exclude) for name in VLLM.spellings("vllm:num_requests_running"))
    jobs = f"max by (namespace, job) ({running})"
    return tagged(DOWN, f"max by ({_join(PROCESS_LABELS)}) (up == 0 and on (namespace, job) {jobs})")


def _present_names(dialect: Dialect) -> list[str]:
    return [metric.name for quantity in dialect.present for metric in dialect.rules[quantity].metrics]


def _stamps(dialect: Dialect, names: Iterable[str]) -> str:
    """The time of the first of these gauges that is there, with all labels that say whose it is."""
    labels = GPU_LABELS if dialect is DCGM else ENGINE_LABELS
    spelt = (spelling for name in names for spelling in dialect.spellings(name))
    stamps = " or ".join(f"timestamp({selector(name, dialect.exclude)})" for name in spelt)
    return tagged(STAMP, f"max by ({_join(labels)}) ({stamps})")


def engine_rates(scope: Scope) -> str:
    """The rates of every counter, and of the sums and counts of the phases, per engine (or per process)."""
    parts = list(_resets(scope))
    for quantity, rule in VLLM.rules.items():
        counters = [metric for metric in rule.metrics if metric.kind is Kind.COUNTER]
        rates = " or ".join(
            _rate(scope, name, (*metric.where, *VLLM.exclude))
            for metric in counters
            for name in scope.spellings(VLLM, metric.name)
        )
        if rates:
            parts.append(tagged(quantity, f"sum by ({scope.by(*_labels_of(rule))}) ({rates})"))
    for quantity, bases in VLLM.phases.items():
        for part in ("sum", "count"):
            rates = _rates(scope, [f"{base}_{part}" for base in bases])
            if rates:
                parts.append(tagged(f"{quantity}/{part}", f"sum by ({scope.by(*ENGINE_LABELS)}) ({rates})"))
    return " or ".join(parts)


def _labels_of(rule: Rule) -> tuple[str, ...]:
    return PROCESS_LABELS if rule.per_process else ENGINE_LABELS


def _resets(scope: Scope) -> Iterable[str]:
    resets = " or ".join(
        f"resets({selector(name, VLLM.exclude)}{scope.range})"
        for name in scope.spellings(VLLM, "vllm:generation_tokens_total")
    )
    if resets:
        yield tagged(RESET, f"max by ({scope.by(*ENGINE_LABELS)}) ({resets}) > 0")


def model_buckets(scope: Scope) -> str:
    """Bucket rates of every latency family by namespace and model."""
    labels = scope.by("le", *NAMESPACE_LABELS, *MODEL_LABELS)
    rates = ((family, _rates(scope, _buckets(family))) for family in VLLM.families)
    return " or ".join(tagged(family, f"sum by ({labels}) ({rate})") for family, rate in rates if rate)


def bucket_counts(scope: Scope) -> str:
    """How many series stand behind each bucket of ``model_buckets``.

    That tells a bucket that all engines have from one that only some releases have: cumulative counts may be added up
    only over the former. As dear as the rates themselves, but it changes only with the engines.
    """
    labels = scope.by("le", *NAMESPACE_LABELS, *MODEL_LABELS)
    parts = []
    for family in VLLM.families:
        spelt = (n for name in _buckets(family) for n in scope.spellings(VLLM, name))
        instants = " or ".join(selector(name, VLLM.exclude) for name in spelt)
        if instants:
            parts.append(tagged(family, f"count by ({labels}) ({instants})"))
    return " or ".join(parts)


def _buckets(family: Family) -> list[str]:
    return [f"{base}_bucket" for base in VLLM.families[family]]


def engine_buckets(scope: Scope, families: Iterable[Family], where: Mapping[str, Collection[str]] | None) -> str:
    """Bucket rates by engine: of the engines whose label is among the values given for it (label → values), or all."""
    labels = scope.by("le", *ENGINE_LABELS)
    chosen: list[tuple[Match, ...]] = [()]
    if where is not None:
        chosen = [(Match(label, Op.MATCHES, pattern(values)),) for label, values in sorted(where.items()) if values]
    parts = []
    for family in families:
        rates = " or ".join(filter(None, (_rates(scope, _buckets(family), matches) for matches in chosen)))
        if rates:
            parts.append(tagged(family, f"sum by ({labels}) ({rates})"))
    return " or ".join(parts)


def gpus(scope: Scope) -> str:
    """Whose each GPU is and when it was seen; every gauge by name, and the rates of the counters tagged with theirs.

    The labels that say whose a GPU is are most of an answer: they come once per GPU, with the time of a sample. The
    numbers come with its UUID alone.
    """
    names = list(dict.fromkeys((*_present_names(DCGM), *(metric.name for _, metric in DCGM.gauges()), *REASON_MASKS)))
    key = _join(GPU_KEY_LABELS)
    parts = [_stamps(DCGM, names), f"max by (__name__, {key}) ({selector('', _named(DCGM, names))})"]
    for _, metric in DCGM.counters():
        rate = f"{_rate(scope, metric.name, metric.where)} and {selector(metric.name, metric.where)} < {IMPLAUSIBLE:g}"
        parts.append(tagged(metric.name, f"max by ({key}) ({rate})"))
    return " or ".join(parts)


def samples(labels: Mapping[str, str], seconds: float) -> str:
    """The raw samples of the series with these labels (``__name__`` among them), for their distance in time."""
    return f"{selector('', (Match(name, Op.EQUAL, value) for name, value in sorted(labels.items())))}[{seconds:g}s]"


def _rates(scope: Scope, names: Sequence[str], matches: Sequence[Match] = ()) -> str:
    spelt = [spelling for name in names for spelling in scope.spellings(VLLM, name)]
    return " or ".join(_rate(scope, name, (*matches, *VLLM.exclude)) for name in spelt)


def _rate(scope: Scope, name: str, matches: Sequence[Match]) -> str:
    return f"rate({selector(name, matches)}{scope.range})"


def tagged(tag: str, expression: str) -> str:
    """A part of a joined query."""
    return f'label_replace({expression}, "{TAG}", "{tag}", "", "")'


def _join(labels: Iterable[str]) -> str:
    return ", ".join(labels)
