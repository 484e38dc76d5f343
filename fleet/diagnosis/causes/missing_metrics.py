"""Metrics that are missing or too old to use: missing data never makes an object well."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fleet.dataclass import dataclass
from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import EngineCause, GpuCause, Help, PodCause, Stage, says
from fleet.diagnosis.causes.symptoms import GPU_SILENCE, SILENCE
from fleet.diagnosis.families.source_causes import MeasuringCause, SourceCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.signs.metrics_sign import NumbersInWords
from fleet.diagnosis.subjects.subject import MeasuringSource, MetricsRow, MetricsTable, PodSubject
from fleet.model.counting import share
from fleet.model.quantity import Quantity
from fleet.model.reading import LOOKBACK, State
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, SourceStatus


def _problem(source: SourceStatus) -> str:
    return source.problem


_UP: Fact[PodSubject] = Fact("it serves and is ready", "condition Ready", lambda subject: subject.is_up)
_UNMEASURED: Fact[PodSubject] = Fact(
    "nothing measures it", "the targets that answer", lambda subject: not subject.measured
)
_EXCUSED: Fact[PodSubject] = Fact(
    "nothing needs to", "its command and its group", lambda subject: bool(subject.unmeasured)
)


_WITHOUT: Fact[PodSubject] = Fact(
    "its server has metrics only if they are turned on",
    "its command line",
    lambda subject: bool(subject.without_metrics),
    lambda subject: subject.without_metrics,
)


_ANSWER: Fact[PodSubject] = Fact(
    "its server gives no metrics that can be read",
    "the last scrape",
    lambda subject: bool(subject.answer),
    lambda subject: subject.answer,
)


def _unmeasured_words(subject: PodSubject) -> str:
    if subject.awaited:
        return "not measured yet"
    why = subject.without_metrics or subject.answer.partition(": ")[0]
    return ": ".join(filter(None, ("no metrics", why)))


@dataclass(frozen=True, slots=True)
class InState(NumbersInWords):
    """The row's numbers are in this state."""

    state: State
    reads: str = "age of the samples"
    quantities: tuple[Quantity, ...] = ()

    @property
    def name(self) -> str:
        return f"the numbers are {self.state.name.lower()}"

    def holds(self, row: MetricsRow) -> bool | None:
        return row.frame.states[row.at] == self.state

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        frame = table.frame
        if self.state not in frame.states:
            return ()
        return [row for row in (range(len(frame.keys)) if rows is None else rows) if frame.states[row] == self.state]


@dataclass(frozen=True, slots=True)
class TooOld(NumbersInWords):
    """The row's numbers are older than LOOKBACK, the oldest that any verdict accepts at any scrape interval."""

    name: str = f"the numbers are older than {LOOKBACK:.0f} s"
    reads: str = "age of the samples"
    quantities: tuple[Quantity, ...] = ()

    def holds(self, row: MetricsRow) -> bool | None:
        return row.frame.age(row.at) > LOOKBACK

    def among(self, table: MetricsTable, rows: Iterable[int] | None) -> Collection[int]:
        old = table.older_than(LOOKBACK)
        return old if rows is None else [row for row in rows if row in old]


_UNKNOWN = InState(State.UNKNOWN)

NOT_READ = PodCause(
    id="engine-not-read",
    stage=Stage.MEASURING,
    severity=Severity.OK,
    sentence="The pod is not expected to have metrics.",
    words=lambda subject: subject.unmeasured,
    must=(_UP, _UNMEASURED, _EXCUSED),
)
NO_METRICS = PodCause(
    id="no-metrics",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The pod serves, but nothing measures it: its health is unknown.",
    words=_unmeasured_words,
    must=(_UP, _UNMEASURED),
    must_not=(_EXCUSED,),
    may=(_ANSWER, _WITHOUT),
    after=60,
    helps=(Help("see which source is behind", "sources"), Help("read its log", "logs")),
    decides=(
        "one request for one token: an engine that answers it is only not scraped, one that does not hangs or has died",
    ),
    avoid=("Do not read silence as health or as death: an engine under load may be too slow to be scraped.",),
)
METRICS_UNKNOWN = EngineCause(
    id="metrics-unknown",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The source of the engine's metrics does not answer.",
    words=says("metrics unknown"),
    must=(_UNKNOWN,),
    after=60,
    helps=(Help("see which source is behind", "sources"), Help("read its log", "logs")),
    avoid=("Do not read silence as health or as death: an engine under load may be too slow to be scraped.",),
)
METRICS_TOO_OLD = EngineCause(
    id="metrics-too-old",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The engine's metrics are too old to judge its current state.",
    words=says("metrics are old"),
    must=(TooOld(),),
    must_not=(_UNKNOWN,),
    after=60,
    helps=(Help("see which source is behind", "sources"), Help("read its log", "logs")),
    avoid=("Do not read silence as health or as death: an engine under load may be too slow to be scraped.",),
)
METRICS_STALE = EngineCause(
    id="metrics-stale",
    severity=Severity.UNKNOWN,
    sentence="The engine's metrics have missed several scrapes.",
    words=says("metrics are old"),
    must=(InState(State.STALE),),
    after=60,
    helps=(Help("see which source is behind", "sources"), Help("read its log", "logs")),
    avoid=("Do not read silence as health or as death: an engine under load may be too slow to be scraped.",),
)
GPU_UNKNOWN = GpuCause(
    id="gpu-metrics-unknown",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The source of the GPU's metrics does not answer.",
    words=says("no GPU metrics"),
    must=(_UNKNOWN,),
    after=60,
    helps=(Help("see which source is behind", "sources"),),
)
GPU_TOO_OLD = GpuCause(
    id="gpu-metrics-too-old",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The GPU's metrics are too old to judge its current state.",
    words=says("GPU metrics are old"),
    must=(TooOld(),),
    must_not=(_UNKNOWN,),
    after=60,
    helps=(Help("see which source is behind", "sources"),),
)
_DOWN: Fact[SourceStatus] = Fact(
    "it does not answer", "its last answer", lambda source: source.health is Health.DOWN, _problem
)
_MEASURES: Fact[SourceStatus] = Fact(
    "it measures", "its name", lambda source: source.name.startswith(("prometheus", "scrape"))
)
_ANSWERS: Fact[MeasuringSource] = Fact(
    "it answers", "its status", lambda source: source.status.health in (Health.LIVE, Health.DEGRADED)
)
_BEHIND: Fact[MeasuringSource] = Fact(
    "the numbers of nearly all engines are old",
    "age of the samples",
    lambda source: (
        None
        if source.engines < thresholds.BEHIND_LEAST.chat
        else source.old >= thresholds.BEHIND_SHARE.chat * source.engines
    ),
    lambda source: f"{source.old} of {source.engines}, the newest of them {source.age:.0f} s",
)
_SEE = (Help("see what is wrong with it, and what to do", "sources"),)

MEASURES_DOWN = SourceCause(
    id="metrics-source-down",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The source of metrics does not answer: the state of engines and GPUs is unknown.",
    words=lambda source: source.problem or "does not answer",
    must=(_DOWN, _MEASURES),
    explains=("no-metrics", "metrics-unknown", "metrics-too-old", "metrics-stale", *GPU_SILENCE, "replicas-unknown"),
    after=60,
    helps=_SEE,
    avoid=("Do not read silence as health: alerts from the same source are silent, too.",),
)
SOURCE_BEHIND = MeasuringCause(
    id="metrics-source-stale",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="The source of metrics answers, but its numbers are old: Prometheus has stopped scraping or lags behind.",
    words=lambda source: f"numbers of {share(source.old, source.engines, 'engine')} are old, {source.age:.0f} s",
    must=(_ANSWERS, _BEHIND),
    explains=(*SILENCE, *GPU_SILENCE, "replicas-unknown"),
    after=60,
    helps=(*_SEE, Help("see which targets it scrapes", "monitoring")),
    avoid=("Do not look for a faulty engine: what all of them share is the source that measures them.",),
    decides=("whether its own up and scrape_duration_seconds are as old: then it does not scrape at all",),
)


def _is_skewed(limit: float) -> Fact[MeasuringSource]:
    return Fact(
        f"its clock is {limit:.0f} s or more from the console's",
        "the time that it answers with",
        lambda source: abs(source.skew) >= limit,
        lambda source: f"{source.skew:+.0f} s",
    )


CLOCK_SKEW = MeasuringCause(
    id="clock-skew",
    stage=Stage.MEASURING,
    severity=Severity.WARNING,
    sentence="The clocks of the console and of the source of metrics differ: times shown side by side do not match.",
    words=lambda source: f"clock {abs(source.skew):.0f} s {'ahead' if source.skew > 0 else 'behind'}",
    must=(_ANSWERS, _is_skewed(5.0)),
    must_not=(_BEHIND,),
    serious=(_is_skewed(30.0),),
    after=600,
    helps=_SEE,
    avoid=("Do not set a clock by hand: let NTP or chrony correct it gradually.",),
    decides=("which of the two is wrong: compare both with the API server's",),
)
"""Findings catalogue F43: tokens and certificates are not valid where clocks differ by half a minute."""
SOURCE_DOWN = SourceCause(
    id="source-down",
    stage=Stage.MEASURING,
    severity=Severity.UNKNOWN,
    sentence="A source does not answer: what only it can show is not found.",
    words=lambda source: source.problem or "does not answer",
    must=(_DOWN,),
    must_not=(_MEASURES,),
    after=60,
    helps=_SEE,
)
