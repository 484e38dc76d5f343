"""What metrics alone say of pods and GPUs: of most of them nothing, which is that they are well.

Looked for column by column: of thousands of rows a few are over some threshold, and only those are judged one by one.
What was found stands until a column, a state or an age says otherwise.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence

from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Assessment, Severity
from fleet.snapshot.aging import LOOKBACK, greatest
from fleet.snapshot.differences import same

KV_FULL = 0.95
"""KV usage at which waiting requests mean saturation. llm-d's alerts have 0.90 to 0.95."""
PREEMPTING = 0.1
"""Preemptions/s above which a pod is short of KV blocks and not merely unlucky once."""
QUEUE_PER_POD = 50
"""Waiting requests per ready pod that llm-d's alerts call a problem."""
FAILING = 0.05
"""Share of requests answered with an error that nobody overlooks."""
THROTTLED = 0.05
"""Share of the window spent throttled that is visible in latency."""
HOT = 85.0
"""°C above which a GPU deserves a look; also what tells heat from the power cap where the exporter does not
give the reason."""
_HARDWARE = frozenset({"hardware slowdown", "thermal (hardware)", "power brake"})
_THERMAL = "thermal (software)"
HARDWARE_XIDS = frozenset(
    {46, 48, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 143, *range(144, 151), 151, 155, 156, 158}
)
"""XID codes after which the GPU must be reset, drained or rebooted (NVIDIA's XID catalogue)."""
ECHO_XIDS = frozenset({37, 38, 43, 44, 45, 63, 66, 67, 121, 137, 141, 154})
"""XID codes that follow another event or only inform (same source): no reason to call a GPU sick."""

Reasons = Mapping[str, tuple[str, ...]]
"""GPU key → what lowers its clocks, in words."""
Signs = Mapping[str, Assessment]
"""Row → how it stands; a row that is not in it is well."""
NO_REASONS: Reasons = {}


class KeptSigns:
    """The signs of the rows of one kind of frame. ``read`` makes them, of these ``quantities`` and no others."""

    def __init__(self, quantities: Sequence[Quantity], read: Callable[[Frame, Reasons], dict[str, Assessment]]) -> None:
        self._quantities = quantities
        self._read = read
        self._of: tuple[object, ...] = ()
        self._doubts: tuple[bytes, tuple[int, ...]] = (b"", ())
        self._ages: tuple[array[float], float] = (array("d"), -math.inf)
        self._found: Signs = {}

    def of(self, frame: Frame, reasons: Reasons = NO_REASONS) -> Signs:
        """The signs now: the same object for as long as nothing says otherwise."""
        of = (frame.index, reasons, *(frame.columns.get(name) for name in self._quantities))
        doubts = (frame.states, self._too_old(frame))
        if doubts != self._doubts or not same(of, self._of):
            found = self._read(frame, reasons)
            self._of, self._doubts = of, doubts
            if found != self._found:
                self._found = found
        return self._found

    def _too_old(self, frame: Frame) -> tuple[int, ...]:
        """The rows of which no verdict is made, whatever their interval is."""
        if frame.ages is not self._ages[0]:
            self._ages = (frame.ages, greatest(frame.ages))
        if self._ages[1] + frame.since <= LOOKBACK:
            return ()
        return tuple(row for row, age in enumerate(frame.ages) if age + frame.since > LOOKBACK)


ENGINE_QUANTITIES = (
    Quantity.SLEEP_LEVEL,
    Quantity.RUNNING,
    Quantity.WAITING,
    Quantity.KV_USAGE,
    Quantity.GENERATION_TOKENS,
    Quantity.PROMPT_TOKENS,
    Quantity.PREEMPTIONS,
    Quantity.ERROR_RATIO,
)


def engine_signs(frame: Frame, _: Reasons = NO_REASONS) -> dict[str, Assessment]:
    """Of pods that serve, by their keys."""
    columns = _values(frame, ENGINE_QUANTITIES)
    asleep, running, waiting, kv, generated, read, preempted, failing = columns
    suspects = {*_doubtful(frame)}
    suspects.update(row for row, level in enumerate(asleep) if level > 0)
    still = (row for row, tokens in enumerate(generated) if tokens == 0 and read[row] == 0)
    suspects.update(row for row in still if running[row] > 0 or waiting[row] > 0)
    suspects.update(row for row, rate in enumerate(preempted) if rate > PREEMPTING)
    suspects.update(row for row, usage in enumerate(kv) if usage >= KV_FULL and waiting[row] > 0)
    suspects.update(row for row, requests in enumerate(waiting) if requests >= QUEUE_PER_POD)
    suspects.update(row for row, share in enumerate(failing) if share >= FAILING)
    found = ((row, _engine(frame, row, [column[row] for column in columns])) for row in sorted(suspects))
    return {frame.keys[row]: sign for row, sign in found if sign is not None}


def _engine(frame: Frame, row: int, values: Sequence[float]) -> Assessment | None:
    """The sign of one row with these values of ENGINE_QUANTITIES; None where it is well."""
    state = State(frame.states[row])
    if state is State.UNKNOWN:
        return Assessment(Severity.UNKNOWN, "metrics unknown")
    if frame.age(row) > LOOKBACK:
        # Shown with their age, and no ground for a verdict on now.
        return Assessment(Severity.UNKNOWN, "metrics are old")
    level, running, waiting, kv, generated, read, preempted, failing = values
    if level > 0:
        return Assessment(Severity.ASLEEP, f"asleep, level {level:.0f}")
    if generated == 0 and read == 0:
        if running > 0:
            return Assessment(Severity.CRITICAL, "stuck: requests running, no tokens")
        if running == 0 and waiting > 0:
            return Assessment(Severity.CRITICAL, "stuck: requests wait, none runs, no tokens")
    if preempted > PREEMPTING:
        return Assessment(Severity.WARNING, f"preempts {preempted:.1f}/s")
    if waiting > 0 and kv >= KV_FULL:
        return Assessment(Severity.WARNING, "KV cache full, requests wait")
    if waiting >= QUEUE_PER_POD:
        return Assessment(Severity.WARNING, f"{waiting:.0f} requests wait")
    if failing >= FAILING:
        return Assessment(Severity.WARNING, f"{100 * failing:.0f} % errors")
    if state is State.STALE:
        return Assessment(Severity.UNKNOWN, "metrics are old")
    return None


GPU_QUANTITIES = (Quantity.XID, Quantity.GPU_TEMPERATURE, Quantity.THROTTLE)


def gpu_signs(frame: Frame, reasons: Reasons) -> dict[str, Assessment]:
    """XID of the hardware, heat, throttling, by the keys of GPUs.

    What an application did (``application_xids``) says nothing of a GPU. The software power cap alone is no trouble
    either: H100-class GPUs run into it whenever they are fully loaded.
    """
    columns = _values(frame, GPU_QUANTITIES)
    # One that is throttled is in trouble where it is hot.
    xids, heat, _ = columns
    suspects = {*_doubtful(frame)}
    suspects.update(row for row, xid in enumerate(xids) if xid > 0)
    suspects.update(row for row, degrees in enumerate(heat) if degrees >= HOT)
    index = frame.index
    suspects.update(index[key] for key, words in reasons.items() if words and key in index)
    found = {frame.keys[row]: _gpu(frame, row, [c[row] for c in columns], reasons) for row in sorted(suspects)}
    return {key: sign for key, sign in found.items() if sign is not None}


def _gpu(frame: Frame, row: int, values: Sequence[float], reasons: Reasons) -> Assessment | None:
    """The sign of one row with these values of GPU_QUANTITIES; None where it is well."""
    if frame.states[row] == State.UNKNOWN:
        return Assessment(Severity.UNKNOWN, "no GPU metrics")
    if frame.age(row) > LOOKBACK:
        return Assessment(Severity.UNKNOWN, "GPU metrics are old")
    xid, heat, throttled = values
    if xid in HARDWARE_XIDS:
        return Assessment(Severity.CRITICAL, f"XID {xid:.0f}")
    said = reasons.get(frame.keys[row], ())
    serious = [reason for reason in said if reason in _HARDWARE]
    if serious:
        return Assessment(Severity.CRITICAL, f"throttled: {serious[0]}")
    if _THERMAL in said or (throttled >= THROTTLED and heat >= HOT):
        return Assessment(Severity.WARNING, f"throttled by heat, {heat:.0f} °C")
    if heat > HOT:
        return Assessment(Severity.WARNING, f"{heat:.0f} °C")
    return None


def application_xids(frame: Frame, _: Reasons = NO_REASONS) -> dict[str, Assessment]:
    """The XIDs of applications' errors in the gauges of GPUs, by the keys of those.

    The gauge is sticky: it says that it happened, to this pod or to one before it, and not that it lasts.
    """
    (xids,) = _values(frame, (Quantity.XID,))
    said = ((row, xid) for row, xid in enumerate(xids) if xid > 0 and xid not in ECHO_XIDS and xid not in HARDWARE_XIDS)
    return {frame.keys[row]: Assessment(Severity.WARNING, f"XID {xid:.0f}") for row, xid in said}


def _values(frame: Frame, quantities: Iterable[Quantity]) -> list[Sequence[float]]:
    """The columns, NaN throughout where there is none."""
    columns = [frame.columns.get(quantity) for quantity in quantities]
    none: Sequence[float] = ()
    if any(column is None for column in columns):
        none = array("d", [math.nan]) * len(frame.keys)
    return [none if column is None else column.values for column in columns]


def _doubtful(frame: Frame) -> list[int]:
    """Rows that are not fresh, or too old for a verdict whatever their interval is."""
    if max(frame.states, default=State.FRESH) < State.STALE and greatest(frame.ages) + frame.since <= LOOKBACK:
        return []
    return [
        row
        for row, (state, age) in enumerate(zip(frame.states, frame.ages, strict=True))
        if state >= State.STALE or age + frame.since > LOOKBACK
    ]
