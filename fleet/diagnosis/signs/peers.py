"""A replica compared with the others of its workload, or a GPU with those of its engine: signs on their numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from operator import add
from typing import Protocol

from fleet.dataclass import dataclass
from fleet.diagnosis.sign import Sign, SignInWords
from fleet.diagnosis.subjects.subject import Replica
from fleet.diagnosis.threshold import Limit, limit_at
from fleet.model.counting import count
from fleet.model.frame import NumbersOfRows
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity


def median(values: Iterable[float]) -> float:
    """The middle one, of an even number the mean of the two in the middle; the library's imports ``decimal``."""
    return middle_of(sorted(values))


def middle_of(ordered: Sequence[float]) -> float:
    """The median of numbers in order."""
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


class PeerSign(Sign[Replica], Protocol):
    """A sign that distinguishes a replica from its peers."""

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        """Return the rows of one workload for which it holds."""
        ...


LEAST = 3
"""Replicas needed for a comparison: of two, it is unknown which is the odd one."""
PAIR = 2.0
"""Times by which one of two is slower before it is the odd one after all: no length of prompts explains as much."""
OUTLIER = 3.5
"""Modified z-score from which a number is an outlier (Iglewicz and Hoaglin, 1993)."""
_NORMAL = 0.6745
"""Factor that makes the median deviation of normal numbers their standard deviation."""


@dataclass(frozen=True, slots=True)
class Slower(SignInWords[Replica]):
    """Each of its requests gets ``times`` fewer tokens per second than those of the median peer.

    Only replicas that run at least ``least`` requests are compared: for a single one, the difference may only be the
    length of its prompt.
    """

    times: Limit
    least: Limit
    reads: str = "generation_tokens_per_second / requests_running"

    @property
    def name(self) -> str:
        return f"its tokens/s per request are {limit_at(self.times, CHAT):g} times fewer than the median of its peers"

    def holds(self, of: Replica) -> bool | None:
        (rate,) = self._rates(of.frame, [of.at], of.profile)
        return of.at in self.among(of.frame, of.peers, of.profile) if rate else None

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        rates = self._rates(frame, rows, profile)
        ordered = sorted(filter(None, rates))
        if len(ordered) == LEAST - 1:
            is_odd = max(PAIR, limit_at(self.times, profile)) * ordered[0] < ordered[1]
            return [rows[rates.index(ordered[0])]] if is_odd else ()
        if len(ordered) < LEAST:
            return ()
        middle = middle_of(ordered)
        limit = middle / limit_at(self.times, profile)
        slow = bisect_left(ordered, limit)
        # If half of them are slow, there is no outlier.
        if not slow or 2 * slow >= len(ordered):
            return ()
        # The slowest is no outlier unless half of them are this near to the median: most often they are not.
        near = _NORMAL * (middle - ordered[0]) / OUTLIER
        if 2 * (bisect_right(ordered, middle + near) - bisect_left(ordered, middle - near)) < len(ordered):
            return ()
        spread = median([abs(rate - middle) for rate in ordered])
        # The slowest are outliers first.
        if spread and _NORMAL * (middle - ordered[0]) / spread <= OUTLIER:
            return ()
        slower = [(row, rate) for row, rate in zip(rows, rates, strict=True) if 0 < rate < limit]
        return [row for row, rate in slower if not spread or _NORMAL * (middle - rate) / spread > OUTLIER]

    def shows(self, of: Replica) -> str:
        rates = self._rates(of.frame, of.peers, of.profile)
        own, compared = rates[of.peers.index(of.at)], [rate for rate in rates if rate]
        replicas, middle = count(len(compared), "replica"), median(compared)
        return f"{own:.1f} tokens/s per request, the median of {replicas} is {middle:.1f}"

    def _rates(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> list[float]:
        """Return the tokens per second and request of each row; 0 for one that is not compared."""
        least = limit_at(self.least, profile)
        tokens, running = frame.values(rows, Quantity.GENERATION_TOKENS), frame.values(rows, Quantity.RUNNING)
        # A replica without any tokens hangs, which is another cause; NaN compares as not above.
        return [
            made / requests if requests >= least and made > 0 else 0.0
            for made, requests in zip(tokens, running, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Busier(SignInWords[Replica]):
    """More than ``times`` the mean load of its peers, with waiting requests that another could take."""

    times: Limit
    more: Limit
    """Requests that it has more than the mean, at least."""
    room: Limit
    """KV usage below which another replica has room."""
    reads: str = "requests_running, requests_waiting, kv_cache_usage"

    @property
    def name(self) -> str:
        return (
            f"it has more than {limit_at(self.times, CHAT):g} times the mean requests, while another has none waiting"
        )

    def holds(self, of: Replica) -> bool | None:
        return of.at in self.among(of.frame, of.peers, of.profile)

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        if len(rows) < 2:
            return ()
        waiting = frame.values(rows, Quantity.WAITING)
        if not any(waiting):
            # None has requests to give away.
            return ()
        load = list(map(add, frame.values(rows, Quantity.RUNNING), waiting))
        mean = sum(load) / len(load)
        if mean != mean:
            # The load of one is not known.
            return ()
        limit = max(limit_at(self.times, profile) * mean, mean + limit_at(self.more, profile))
        if max(load) <= limit:
            return ()
        usage, room = frame.values(rows, Quantity.KV_USAGE), limit_at(self.room, profile)
        if not any(one == 0 and kv < room for one, kv in zip(waiting, usage, strict=True)):
            return ()
        return [rows[at] for at, has in enumerate(load) if has > limit and waiting[at] > 0]

    def shows(self, of: Replica) -> str:
        running, waiting = (of.frame.values(of.peers, one) for one in (Quantity.RUNNING, Quantity.WAITING))
        load = [a + b for a, b in zip(running, waiting, strict=True)]
        own = load[of.peers.index(of.at)]
        return f"{count(own, 'request')} here, a mean of {sum(load) / len(load):.1f} on {count(len(load), 'replica')}"


@dataclass(frozen=True, slots=True)
class Unused(SignInWords[Replica]):
    """No requests and none finished, while the median of its peers runs at least ``busy``.

    At least three replicas are compared; one that is asleep is not unused.
    """

    busy: Limit
    reads: str = "requests_running, requests_waiting, requests_per_second, sleep_level"

    @property
    def name(self) -> str:
        return f"it has no requests, while the median of its peers runs {limit_at(self.busy, CHAT):g} or more"

    def holds(self, of: Replica) -> bool | None:
        return of.at in self.among(of.frame, of.peers, of.profile)

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        running = frame.values(rows, Quantity.RUNNING)
        if len(rows) < LEAST or 0.0 not in running or not median(running) >= limit_at(self.busy, profile):
            return ()
        waiting, finished = frame.values(rows, Quantity.WAITING), frame.values(rows, Quantity.REQUESTS)
        asleep = frame.values(rows, Quantity.SLEEP_LEVEL)
        # Unknown numbers are NaN: what finishes requests may be unknown for a moment, and few engines can sleep.
        return [
            row
            for row, runs, waits, ends, sleeps in zip(rows, running, waiting, finished, asleep, strict=True)
            if runs == 0 and waits == 0 and ends == 0 and not sleeps > 0
        ]

    def shows(self, of: Replica) -> str:
        running = of.frame.values(of.peers, Quantity.RUNNING)
        return f"none here, the median of {count(len(running), 'replica')} runs {median(running):.0f}"


@dataclass(frozen=True, slots=True)
class SmallerCache(SignInWords[Replica]):
    """A KV cache of less than ``share`` of the tokens that the median of at least three replicas holds."""

    share: Limit
    reads: str = "kv_cache_capacity_tokens"

    @property
    def name(self) -> str:
        return f"its KV cache holds less than {limit_at(self.share, CHAT):.0%} of the tokens of its peers'"

    def holds(self, of: Replica) -> bool | None:
        if any(one != one for one in of.frame.values([of.at], Quantity.KV_CAPACITY)):
            return None
        return of.at in self.among(of.frame, of.peers, of.profile)

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        sizes = frame.values(rows, Quantity.KV_CAPACITY)
        share = limit_at(self.share, profile)
        # Nearly always all are the same; nothing is smaller than one that is not known.
        if len(sizes) < LEAST or not min(sizes) < share * max(sizes) or any(one != one for one in sizes):
            return ()
        limit = share * median(sizes)
        small = [row for row, size in zip(rows, sizes, strict=True) if size < limit]
        # Of two sizes that are as frequent, neither is the odd one: two kinds of GPUs, or two settings.
        return small if 3 * len(small) <= len(sizes) else ()

    def shows(self, of: Replica) -> str:
        (own,) = of.frame.values([of.at], Quantity.KV_CAPACITY)
        sizes = of.frame.values(of.peers, Quantity.KV_CAPACITY)
        return f"{own:,.0f} tokens, the median of {count(len(sizes), 'replica')} is {median(sizes):,.0f}"


@dataclass(frozen=True, slots=True)
class Uneven(SignInWords[Replica]):
    """The power of one busy GPU is far from that of all others of its engine, which are alike.

    Utilisation does not show it: GPUs that wait for another spin at 100 %.
    """

    apart: Limit
    """Share of the median by which it differs at least."""
    alike: Limit
    """Share of the median by which all others differ at most."""
    busy: Limit
    """Utilisation from which a GPU is busy."""
    reads: str = "gpu_power, gpu_utilisation"

    @property
    def name(self) -> str:
        return f"its power differs by more than {limit_at(self.apart, CHAT):.0%} from the others of its engine"

    def holds(self, of: Replica) -> bool | None:
        if any(one != one for one in of.frame.values([of.at], Quantity.GPU_POWER)):
            return None
        return of.at in self.among(of.frame, of.peers, of.profile)

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        power = frame.values(rows, Quantity.GPU_POWER)
        if len(power) <= LEAST or not min(power) > 0:
            return ()
        middle = median(power)
        far = [at for at, one in enumerate(power) if abs(one - middle) > limit_at(self.apart, profile) * middle]
        if len(far) != 1 or not all(
            one >= limit_at(self.busy, profile) for one in frame.values(rows, Quantity.GPU_UTIL)
        ):
            return ()
        near = limit_at(self.alike, profile) * middle
        return [rows[far[0]]] if sum(abs(one - middle) > near for one in power) == 1 else ()

    def shows(self, of: Replica) -> str:
        (own,) = of.frame.values([of.at], Quantity.GPU_POWER)
        power = of.frame.values(of.peers, Quantity.GPU_POWER)
        return f"{own:.0f} W, the median of {len(power)} is {median(power):.0f} W"


@dataclass(frozen=True, slots=True)
class LowerClock(SignInWords[Replica]):
    """An SM clock ``times`` lower than that of the fastest GPU of its group, all of which are busy.

    Two GPUs are enough: those of one engine do the same work at the same time, and idle ones are not compared.
    """

    times: Limit
    busy: Limit
    """Utilisation from which a GPU is busy."""
    reads: str = "sm_clock, gpu_utilisation"

    @property
    def name(self) -> str:
        return f"its clock is {limit_at(self.times, CHAT):g} times lower than that of the fastest of its engine"

    def holds(self, of: Replica) -> bool | None:
        if any(one != one for one in of.frame.values([of.at], Quantity.SM_CLOCK)):
            return None
        return of.at in self.among(of.frame, of.peers, of.profile)

    def among(self, frame: NumbersOfRows, rows: Sequence[int], profile: Profile) -> Collection[int]:
        clocks = frame.values(rows, Quantity.SM_CLOCK)
        limit = max(clocks) / limit_at(self.times, profile)
        if not min(clocks) < limit:
            return ()
        busy = limit_at(self.busy, profile)
        if not all(one >= busy for one in frame.values(rows, Quantity.GPU_UTIL)):
            return ()
        return [row for row, clock in zip(rows, clocks, strict=True) if clock < limit]

    def shows(self, of: Replica) -> str:
        (own,) = of.frame.values([of.at], Quantity.SM_CLOCK)
        fastest = max(of.frame.values(of.peers, Quantity.SM_CLOCK))
        return f"SM clock {own:.0f} MHz, {fastest:.0f} MHz is the fastest of {len(of.peers)}"
