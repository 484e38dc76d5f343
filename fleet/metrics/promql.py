"""The PromQL of a tick, made from the dialects. How many queries there are does not depend on the fleet.

Queries are joined with ``or``; each part carries a label ``q`` that says what it is. Rates of a renamed counter are
``rate(new) or rate(old)`` per series, so that a process that exposes both is counted once, under its newest name.

Many metrics at once are selected by a regular expression on ``__name__``. Where a store refuses those,
``by_exact_names`` spells them out: longer queries, cut to what a URL carries, and no more of them for a larger fleet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import quote

from fleet.metrics.dialect import IMPLAUSIBLE, Dialects, Kind, Match, Op
from fleet.metrics.identity import (
    CLUSTER_LABEL,
    ENGINE_LABELS,
    GPU_KEY_LABELS,
    GPU_LABELS,
    MODEL_LABELS,
    NAMESPACE_LABELS,
    PROCESS_LABELS,
    REPLICA_LABELS,
)
from fleet.metrics.registry import ENGINES, GPUS
from fleet.model.quantity import Family, Quantity

TAG = "q"
"""The label that names a part of a joined query."""
NAMED = "metric"
"""The label that holds a metric's name where names are exact: ``or`` takes series that only differ in ``__name__`` for
the same."""
LONGEST = 7000
"""Characters of an encoded query; proxies accept URLs of 8 kB."""
_AT_ONCE = 20
"""Exact names in one part of a query."""
STAMP = "stamp"
DOWN = "down"
GONE = "gone"
PRESENT = "present"
RESET = "reset"

RUNNING = ENGINES.names_of(Quantity.RUNNING, Kind.GAUGE)
"""The gauge that every engine has."""
_OF_ANY_ENGINE = (Quantity.RUNNING, Quantity.WAITING, Quantity.KV_USAGE)
"""An engine is there when it has one of these gauges; all but the first for whoever drops some when scraping."""


_within: ContextVar[tuple[Match, ...]] = ContextVar("within", default=())


@contextmanager
def within(matches: Iterable[Match]) -> Iterator[None]:
    """Queries that are written meanwhile are about series that match these too: one cluster of a store of several."""
    before = _within.set(tuple(matches))
    try:
        yield
    finally:
        _within.reset(before)


_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextmanager
def by_exact_names(exact: bool) -> Iterator[None]:
    """Queries that are written meanwhile have no regular expression on ``__name__``."""
    before = _exact.set(exact)
    try:
        yield
    finally:
        _exact.reset(before)


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
    inside = ",".join(f"{match.label}{match.op.value}{literal(match.value)}" for match in (*matches, *_within.get()))
    return f"{name}{{{inside}}}" if inside else name


@dataclass(frozen=True, slots=True)
class Scope:
    """What the queries are about.

    ``names``: the counters and histograms that the data have, as they spell them. ``labels``: those that the data have
    of the labels that may name an engine. ``key``: those of them that are enough to tell the engines apart. ``window``:
    seconds of the rates. Asking for nothing else keeps the queries short enough for any proxy's limit on URLs, and the
    answers small.
    """

    names: frozenset[str]
    labels: frozenset[str] = frozenset(ENGINE_LABELS)
    key: tuple[str, ...] = ENGINE_LABELS
    window: float = 60.0
    replicas: tuple[str, ...] = ()
    """The labels of the data that tell apart the samples of several scrapers of the same: each counts once."""

    @property
    def range(self) -> str:
        """The window as PromQL has it, to the millisecond."""
        return _range(self.window)

    def by(self, *labels: str) -> str:
        """The labels to keep in an aggregation."""
        return _join(label for label in labels if label in self.labels or label not in ENGINE_LABELS)

    def spellings(self, dialect: Dialects, name: str) -> list[str]:
        """The names that this metric has here; none where it is absent."""
        spelt = dialect.spellings(name)
        return list(spelt) if len(spelt) == 1 else [n for n in spelt if _presence(n) in self.names]


def _by_name(operator: str, labels: Iterable[str], dialect: Dialects, names: Collection[str]) -> list[str]:
    """An aggregation of all these metrics that keeps the name of each; in parts where names are exact."""
    if not _exact.get():
        named = (Match("__name__", Op.MATCHES, _spelt(dialect, names)), *dialect.exclude)
        return [f"{operator} by ({_join(('__name__', *labels))}) ({selector('', named)})"]
    spelt = [spelling for name in names for spelling in dialect.spellings(name)]
    kept = _join((NAMED, *labels))
    return [
        f"{operator} by ({kept}) ({' or '.join(_with_name(dialect, name) for name in spelt[start : start + _AT_ONCE])})"
        for start in range(0, len(spelt), _AT_ONCE)
    ]


def _with_name(dialect: Dialects, name: str) -> str:
    return f'label_replace({selector(name, dialect.exclude)}, "{NAMED}", "{name}", "", "")'


def _queries(parts: Sequence[str]) -> list[str]:
    """One query of these parts; where names are exact, as few as are short enough for a URL."""
    if not _exact.get():
        return [joined(parts)] if parts else []
    packed: list[list[str]] = []
    for part in parts:
        if packed and len(quote(joined([*packed[-1], part]))) <= LONGEST:
            packed[-1].append(part)
        else:
            packed.append([part])
    return [joined(together) for together in packed]


def engines(window: float) -> list[str]:
    """The first query of a tick: whose the engines are and when they were seen, and which metrics there are.

    Besides, which targets are down, and which engines have ended within ``window`` seconds.
    """
    return _queries((_down(), _gone(window), *_present(), _stamps(ENGINES, _seen_by(ENGINES, _OF_ANY_ENGINE))))


def _gone(window: float) -> str:
    """Engines without a sample now that had one within the window: rates go back to them."""
    running = [selector(name, ENGINES.exclude) for name in RUNNING]
    gone = " or ".join(f"(count_over_time({one}{_range(window)}) unless {one})" for one in running)
    return tagged(GONE, f"max by ({_join(ENGINE_LABELS)}) ({gone})")


def _present() -> list[str]:
    counters = {metric.name for _, metric in ENGINES.counters()}
    bases = {base for bases in (*ENGINES.families.values(), *ENGINES.phases.values()) for base in bases}
    names = {name for name in counters if len(ENGINES.spellings(name)) > 1} | {f"{base}_count" for base in bases}
    return [tagged(PRESENT, part) for part in _by_name("count", (CLUSTER_LABEL, *REPLICA_LABELS), ENGINES, names)]


def _spelt(dialect: Dialects, names: Collection[str]) -> str:
    """A regular expression for these names of a dialect in every spelling."""
    of: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for name in names:
        member = dialect.owner(name)
        prefixes = member.prefixes if member is not None else ("",)
        of[prefixes].add(name.removeprefix(prefixes[0]))
    return "|".join(f"({pattern(p)})({pattern(bare)})" if p[0] else pattern(bare) for p, bare in of.items())


def _presence(name: str) -> str:
    """The name that tells whether a sample name is there: of a histogram its count."""
    for part in ("_bucket", "_sum"):
        name = name.removesuffix(part)
    return name if name.endswith(("_total", "_count")) else f"{name}_count"


def _down() -> str:
    """Targets that do not answer Prometheus, of the jobs that scrape engines."""
    running = " or ".join(selector(name, ENGINES.exclude) for name in RUNNING)
    jobs = f"max by (namespace, job) ({running})"
    return tagged(DOWN, f"max by ({_join(PROCESS_LABELS)}) ({selector('up')} == 0 and on (namespace, job) {jobs})")


def _seen_by(dialect: Dialects, quantities: Iterable[Quantity]) -> list[str]:
    return [metric.name for quantity in quantities for metric in dialect.rules[quantity].metrics]


def _stamps(dialect: Dialects, names: Iterable[str]) -> str:
    """The time of the first of these gauges that is there, with all labels that say whose it is."""
    labels = GPU_LABELS if dialect is GPUS else ENGINE_LABELS
    spelt = (spelling for name in names for spelling in dialect.spellings(name))
    stamps = " or ".join(f"timestamp({selector(name, dialect.exclude)})" for name in spelt)
    return tagged(STAMP, f"max by ({_join(labels)}) ({stamps})")


def engine_numbers(scope: Scope) -> list[str]:
    """Per engine (or per process): every gauge by name, and the rates of every counter and of the phases."""
    names = {metric.name for _, metric in ENGINES.gauges()}
    gauges = _by_name("max", (*scope.key, *ENGINES.value_labels()), ENGINES, names)
    return _queries((*_rates_of_engines(scope), *gauges))


def _rates_of_engines(scope: Scope) -> Iterable[str]:
    yield from _resets(scope)
    for quantity, rule in ENGINES.rules.items():
        counters = [metric for metric in rule.metrics if metric.kind is Kind.COUNTER]
        rates = " or ".join(
            _rate(scope, name, (*metric.where, *ENGINES.exclude))
            for metric in counters
            for name in scope.spellings(ENGINES, metric.name)
        )
        if rates:
            # Other servers have the metrics of processes too: only all labels tell theirs from an engine's.
            labels = scope.by(*PROCESS_LABELS) if rule.per_process else _join(scope.key)
            yield tagged(quantity, f"sum by ({labels}) ({rates})")
    for quantity, bases in ENGINES.phases.items():
        for part in ("sum", "count"):
            rates = _rates(scope, [f"{base}_{part}" for base in bases])
            if rates:
                yield tagged(f"{quantity}/{part}", f"sum by ({_join(scope.key)}) ({rates})")


def _resets(scope: Scope) -> Iterable[str]:
    resets = " or ".join(
        f"resets({selector(name, ENGINES.exclude)}{scope.range})"
        for metric in ENGINES.rules[Quantity.GENERATION_TOKENS].metrics
        if metric.kind is Kind.COUNTER
        for name in scope.spellings(ENGINES, metric.name)
    )
    if resets:
        yield tagged(RESET, f"max by ({_join(scope.key)}) ({resets}) > 0")


def model_buckets(scope: Scope) -> str:
    """Bucket rates of every latency family by namespace and model."""
    labels = scope.by("le", *NAMESPACE_LABELS, *MODEL_LABELS)
    rates = ((family, _rates(scope, _buckets(family))) for family in ENGINES.families)
    return joined([tagged(family, f"sum by ({labels}) ({rate})") for family, rate in rates if rate])


def bucket_counts(scope: Scope) -> str:
    """How many series stand behind each bucket of ``model_buckets``.

    That tells a bucket that all engines have from one that only some releases have: cumulative counts may be added up
    only over the former. As dear as the rates themselves, but it changes only with the engines.
    """
    labels = scope.by("le", *NAMESPACE_LABELS, *MODEL_LABELS)
    parts = []
    for family in ENGINES.families:
        spelt = (n for name in _buckets(family) for n in scope.spellings(ENGINES, name))
        instants = " or ".join(selector(name, ENGINES.exclude) for name in spelt)
        if instants:
            parts.append(tagged(family, f"count by ({labels}) ({instants})"))
    return joined(parts)


def _buckets(family: Family) -> list[str]:
    return [f"{base}_bucket" for base in ENGINES.families[family]]


def engine_buckets(scope: Scope, families: Iterable[Family], where: Mapping[str, Collection[str]] | None) -> str:
    """Bucket rates by engine: of the engines whose label is among the values given for it (label → values), or all."""
    labels = _join(("le", *scope.key))
    chosen: list[tuple[Match, ...]] = [()]
    if where is not None:
        chosen = [(Match(label, Op.MATCHES, pattern(values)),) for label, values in sorted(where.items()) if values]
    parts = []
    for family in families:
        rates = " or ".join(filter(None, (_rates(scope, _buckets(family), matches) for matches in chosen)))
        if rates:
            parts.append(tagged(family, f"sum by ({labels}) ({rates})"))
    return joined(parts)


def gpus(scope: Scope) -> list[str]:
    """Whose each GPU is and when it was seen; every gauge by name, and the rates of the counters tagged with theirs.

    The labels that say whose a GPU is are most of an answer: they come once per GPU, with the time of a sample. The
    numbers come with its UUID alone.
    """
    gauges = (metric.name for _, metric in GPUS.gauges())
    names = list(dict.fromkeys((*_seen_by(GPUS, GPUS.present), *gauges, *GPUS.masks)))
    key = _join(GPU_KEY_LABELS)
    parts = []
    for _, metric in GPUS.counters():
        # The maximum around it counts each GPU once, however many scrapers see it.
        plausible = f"{selector(metric.name, metric.where)} < {IMPLAUSIBLE:g}"
        rate = f"{_every_rate(scope, metric.name, metric.where)} and {plausible}"
        parts.append(tagged(metric.name, f"max by ({key}) ({rate})"))
    return _queries((*parts, _stamps(GPUS, names), *_by_name("max", GPU_KEY_LABELS, GPUS, names)))


def samples(names: Sequence[str], labels: Mapping[str, str], seconds: float) -> list[str]:
    """The raw samples of the series of one of these names and these labels, for their distance in time.

    Where names are exact it is a query for each of them: raw samples cannot be joined.
    """
    rest = [Match(label, Op.EQUAL, value) for label, value in sorted(labels.items()) if label != "__name__"]
    if _exact.get():
        return [f"{selector(name, rest)}[{seconds:g}s]" for name in names]
    return [f"{selector('', (Match('__name__', Op.MATCHES, pattern(names)), *rest))}[{seconds:g}s]"]


def _range(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"[{milliseconds}ms]" if milliseconds % 1000 else f"[{milliseconds // 1000}s]"


def _rates(scope: Scope, names: Sequence[str], matches: Sequence[Match] = ()) -> str:
    spelt = [spelling for name in names for spelling in scope.spellings(ENGINES, name)]
    return " or ".join(_rate(scope, name, (*matches, *ENGINES.exclude)) for name in spelt)


def _rate(scope: Scope, name: str, matches: Sequence[Match]) -> str:
    rate = _every_rate(scope, name, matches)
    return f"max without ({_join(scope.replicas)}) ({rate})" if scope.replicas else rate


def _every_rate(scope: Scope, name: str, matches: Sequence[Match]) -> str:
    return f"rate({selector(name, matches)}{scope.range})"


def tagged(tag: str, expression: str) -> str:
    """A part of a joined query."""
    return f'label_replace({expression}, "{TAG}", "{tag}", "", "")'


def joined(parts: Sequence[str]) -> str:
    """One query of these parts.

    Put together in pairs: each ``or`` goes through all that stands at its left, which a chain would do again and again.
    """
    if len(parts) <= 2:
        return " or ".join(parts)
    half = (len(parts) + 1) // 2
    return f"({joined(parts[:half])}) or ({joined(parts[half:])})"


def _join(labels: Iterable[str]) -> str:
    return ", ".join(labels)
