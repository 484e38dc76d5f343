"""Growth of a queue, and when it will break an objective, by a robust slope of its recent history.

The slope is Theil and Sen's: the median of the slopes between all pairs of points. A queue grows, or drains, if four of
five pairs agree, the newer half of the points still goes that way, and chance alone does so in less than one of a
hundred cases; otherwise nothing is reported.

That is Mann and Kendall's test, with the variance that neighbouring points have because a queue remembers its length.
Of a few points no order is rarer than chance, only how close they come to a line: Student's test of the regression.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Final, NamedTuple

from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from fleet.objectives.objective import DEFAULTS, Indicator, Objective

POINTS: Final = 20
"""History points used: five minutes."""
_FEWEST: Final = 4
"""Fewest points for a result."""
_AGREE: Final = 0.8
"""The share of the pairs that must go the same way."""
_STUDENT: Final = {4: 9.92, 5: 5.84, 6: 4.60, 7: 4.03}
"""Points → the t of their regression that chance exceeds in one of a hundred cases. More points have an order."""
_NORMAL: Final = 2.58
"""The same of the normal distribution."""
_MOST_ALIKE: Final = 0.8
"""Highest correlation of neighbours that is believed: it is estimated from few points."""
_GOES_ON: Final = 0.25
"""The share of the slope that the newer half must still have."""
_LEAST: Final = 4.0
"""Smallest change in requests: fewer come and go."""
_LEAST_SHARE: Final = 0.15
"""The same as a share of the longest that it was."""


class QueueTrend(NamedTuple):
    """A queue that grows (positive) or drains."""

    per_second: float
    waiting: float
    """Requests that wait now."""


def trend(values: Sequence[float], step: float) -> QueueTrend | None:
    """The trend of a queue's lengths, oldest first, ``step`` seconds apart, NaN for gaps; None where it has none."""
    points = [(at * step, value) for at, value in enumerate(values[-POINTS:]) if not math.isnan(value)]
    if len(points) < _FEWEST:
        return None
    slopes = _slopes(points)
    middle = slopes[len(slopes) // 2]
    same = sum(slope * middle > 0 for slope in slopes)
    come_on = abs(middle) * (points[-1][0] - points[0][0])
    longest = max(value for _, value in points)
    if same < _AGREE * len(slopes) or come_on < max(_LEAST, _LEAST_SHARE * longest) or _by_chance(points, slopes):
        return None
    newest = _slopes(points[-max(_FEWEST, len(points) // 2) :])
    if newest[len(newest) // 2] * middle < _GOES_ON * middle**2:
        # It has stopped or turned: what it did before is no outlook.
        return None
    return QueueTrend(middle, points[-1][1])


def _by_chance(points: Sequence[tuple[float, float]], slopes: Sequence[float]) -> bool:
    """True if points without a trend are like that in more than one of a hundred cases."""
    count = len(points)
    if count in _STUDENT:
        share = statistics.correlation(*zip(*points, strict=True)) ** 2
        return share * (count - 2) < _STUDENT[count] ** 2 * (1 - share)
    middle = slopes[len(slopes) // 2]
    ahead = abs(sum((slope > 0) - (slope < 0) for slope in slopes)) - 1
    alike = _likeness([value - middle * at for at, value in points])
    variance = count * (count - 1) * (2 * count + 5) / 18 * (1 + alike) / (1 - alike)
    return ahead < _NORMAL * math.sqrt(variance)


def _likeness(rest: Sequence[float]) -> float:
    """The correlation of neighbours in what is left without the trend; 0.0 if they differ more than others do."""
    mean = statistics.fmean(rest)
    apart = [value - mean for value in rest]
    whole = sum(value * value for value in apart)
    return min(max(0.0, sum(a * b for a, b in pairwise(apart)) / whole), _MOST_ALIKE) if whole else 0.0


def _slopes(points: Sequence[tuple[float, float]]) -> list[float]:
    """The slopes between all pairs of points, ascending."""
    return sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))


def trend_of(snapshot: Snapshot, workload: str) -> QueueTrend | None:
    """The trend of a workload's queue."""
    history = snapshot.history
    return trend(history.strip(workload, Quantity.WAITING, POINTS), history.step)


class Outlook(NamedTuple):
    """The outlook of a queue."""

    trend: QueueTrend
    objective: Objective | None = None
    """The promise that it breaks; None where none is known."""
    seconds: float = math.nan
    """Seconds until it is empty, or until the last request would wait longer than the objective allows; 0.0 if it
    already does, NaN if unknown.
    """


def outlook(snapshot: Snapshot, workload: str, objectives: Sequence[Objective] = DEFAULTS) -> Outlook | None:
    """Return the outlook of a workload's queue; None if it neither grows nor drains.

    The last request waits for queue / throughput (Little's law), and then for its prefill: the objective breaks when
    both together take as long as it allows.
    """
    found = trend_of(snapshot, workload)
    if found is None:
        return None
    if found.per_second < 0:
        return Outlook(found, None, found.waiting / -found.per_second)
    promise = next((one for one in objectives if one.measure is Indicator.TTFT), None)
    served = snapshot.by_workload.value(workload, Quantity.REQUESTS)
    if promise is None or not served > 0:
        return Outlook(found)
    prefill = snapshot.by_workload.value(workload, Quantity.PREFILL_MEAN)
    room = max(0.0, promise.seconds - (0.0 if math.isnan(prefill) else prefill)) * served
    return Outlook(found, promise, max(0.0, (room - found.waiting) / found.per_second))


def growth_text(found: Outlook) -> str:
    """The outlook in words: ``grows 1.8/s, TTFT passes 2.5s in 4m``, ``drains, empty in 2m``."""
    seconds = found.seconds
    if found.trend.per_second < 0:
        return f"drains, empty in {_about(seconds)}"
    rate = found.trend.per_second
    grows = f"grows {rate:.1f}/s" if rate >= 0.1 else f"grows {60 * rate:.1f}/min"
    if found.objective is None or math.isnan(seconds):
        return grows
    promised = f"{found.objective.seconds:g}s"
    then = f"TTFT above {promised}" if seconds == 0 else f"TTFT passes {promised} in {_about(seconds)}"
    return f"{grows}, {then}"


def _about(seconds: float) -> str:
    """A time to come, in steps that do not flicker: 20s, 4m, 3h."""
    if seconds < 60:
        return f"{max(10, round(seconds / 10) * 10)}s"
    return f"{round(seconds / 60)}m" if seconds < 5400 else f"{round(seconds / 3600)}h"
