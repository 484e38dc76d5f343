"""Calm minutes of simulated fleets: the objects of the API server, and what the engines and exporters answered.

The simulator runs in virtual time in this process; its objects and pages go through the projections, the parser and
the tables of the real sources. A case takes such a tape and changes what is wrong in it.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson

from fleet.metrics.exposition import Layouts
from fleet.model.facts import NO_FACTS, Dated, Facts
from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey, Measurement, Table
from fleet.model.quantity import Family, Quantity
from fleet.model.routes import Routing
from fleet.model.snapshot import ROUTING, Cluster
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.routing import RESOURCES as LED
from fleet.sources.kube.state import KubeState
from fleet.sources.scrape.tables import Tables
from fleet.sources.scrape.target import TargetState
from fleet.sources.scrape.targets import Endpoint, Via, endpoints
from simulator.scenarios import STEADY, Incident, Scenario
from tests.simulator.fleet_support import START, Watched

Raw = dict[str, Any]
Place = tuple[str, str, str]
"""Kind, namespace and name of an object."""

INTERVAL = 15.0
"""Seconds between scrapes, as most Prometheus servers have it."""
WINDOW = 60.0
FRAMES = 24
"""Scrapes on a tape: six minutes, played to and fro."""
SETTLING = 90.0
"""Seconds before the first: rates are over a whole window then."""
RESOURCES = {resource.kind: resource for resource in all_resources()}
"""Resources that the Kubernetes source watches, by kind."""
LISTED = {resource.kind: (name, resource) for name, resource in LED}
"""Resources of the route to engines, listed separately, by kind."""
CLUSTER = Cluster("eval", "eval", "https://kube.example.com:6443")


def place_of(raw: Raw) -> Place:
    """Return the place of an object."""
    meta = raw["metadata"]
    return raw["kind"], meta.get("namespace", ""), meta["name"]


class Objects:
    """Objects of an API server as the rows that the Kubernetes source makes of them."""

    def __init__(self) -> None:
        self._interner = Interner()
        self._rows: dict[str, dict[str, Any]] = {kind: {} for kind in RESOURCES}
        self._state: KubeState | None = None
        self._generation = 0
        self._led: dict[str, dict[Place, Any]] = {}
        self._routing: Routing | None = None

    def put(self, raw: Raw) -> None:
        """Add or change an object."""
        if raw["kind"] in LISTED:
            name, listed = LISTED[raw["kind"]]
            self._led.setdefault(name, {})[place_of(raw)] = listed.project(raw, self._interner)
            self._routing = None
            return
        resource = RESOURCES.get(raw["kind"])
        if resource is not None:
            row = resource.project(raw, self._interner)
            kept = self._rows[raw["kind"]]
            if kept.get(row.key) != row:
                self._rows[raw["kind"]] = kept | {row.key: row}
                self._state = None

    def facts(self, now: float) -> Facts:
        """Return the routes to engines: the same object while they are the same; nothing where there never were any."""
        if not self._led:
            return NO_FACTS
        if self._routing is None:
            self._routing = Routing(**{name: tuple(rows.values()) for name, rows in self._led.items()})
        return Facts({ROUTING: Dated(now, self._routing)})

    def remove(self, place: Place) -> None:
        """Remove an object."""
        kind, namespace, name = place
        if kind in LISTED:
            self._led[LISTED[kind][0]].pop(place, None)
            self._routing = None
        kept = self._rows.get(kind, {})
        gone = [key for key, row in kept.items() if (getattr(row, "namespace", ""), row.name) == (namespace, name)]
        if gone:
            self._rows[kind] = {key: row for key, row in kept.items() if key not in gone}
            self._state = None

    def state(self) -> KubeState:
        """The rows: the same object while nothing is otherwise."""
        if self._state is None:
            self._generation += 1
            rows = self._rows
            tops = {k: v for kind in RESOURCES if kind not in _ALONE for k, v in rows[kind].items()}
            self._state = KubeState(
                self._generation,
                CLUSTER,
                frozenset(resource.qualified for resource in RESOURCES.values()),
                pods=rows["Pod"],
                nodes=rows["Node"],
                workloads={key: row for key, row in tops.items() if row.kind != "ReplicaSet"},
                links={key: row for key, row in tops.items() if row.kind == "ReplicaSet"},
                autoscalers=rows["HorizontalPodAutoscaler"],
                budgets=rows["PodDisruptionBudget"],
                services=rows["Service"],
                events=rows["Event"],
            )
        return self._state


_ALONE = frozenset({"Pod", "Node", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "Event"})


class Observed:
    """A simulated fleet, observed as the console's sources do."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._objects = Objects()
        self._known: dict[Place, str] = {}
        self._states: dict[str, TargetState] = {}
        self._layouts = Layouts()

    def objects(self) -> KubeState:
        """The rows now."""
        found = {place_of(raw): raw for raw in self._watched.everything() if raw["kind"] in RESOURCES}
        for place in self._known.keys() - found.keys():
            self._objects.remove(place)
            del self._known[place]
        for place, raw in found.items():
            version = raw["metadata"]["resourceVersion"]
            if self._known.get(place) != version:
                self._known[place] = version
                self._objects.put(raw)
        return self._objects.state()

    def measured(self) -> Measurement:
        """Return the current answers of all endpoints."""
        now = self._watched.clock.at
        tables, unreachable = Tables(now), {}
        every = {one.key: one for one in endpoints(self.objects().pods.values(), (8000,), "/metrics")}
        self._states = {key: self._states.get(key) or TargetState(WINDOW, self._layouts) for key in every}
        for key, endpoint in every.items():
            try:
                body = self._page(endpoint)
            except ConnectionError:
                unreachable[key] = "connection refused"
            else:
                self._states[key].take(endpoint.target(Via.POD_IP, None), body, whole=True, clock=now, now=now)
        for state in self._states.values():
            if now - state.heard_at <= 5 * 60:
                tables.add(state)
        return tables.measurement(window=WINDOW, interval=INTERVAL, unreachable=unreachable, requests=4)

    def _page(self, endpoint: Endpoint) -> bytes:
        pod = endpoint.pod
        answer = self._watched.fleet.respond(pod.namespace, pod.name, endpoint.port, "GET", "/metrics", b"")
        if answer.status != 200:
            raise ConnectionError
        return answer.body


@dataclass(frozen=True)
class Tape:
    """A calm fleet."""

    began: float
    raws: Mapping[Place, Raw]
    """Not to be changed: several cases have the same."""
    frames: tuple[Measurement, ...]

    def frame(self, number: int) -> Measurement:
        """The scrape of a number, the tape played to and fro."""
        at = number % (2 * len(self.frames) - 2)
        return self.frames[at if at < len(self.frames) else 2 * len(self.frames) - 2 - at]


@cache
def tape(pods: int | None = None, demand: float = 1.0) -> Tape:
    """Calm minutes of a fleet of so many engine pods, whose users ask so many times as often as usual."""
    watched = Watched(_demanding(demand), pods=pods)
    watched.run(SETTLING)
    observed = Observed(watched)
    frames = []
    for number in range(FRAMES + 4):
        watched.run(INTERVAL)
        frames.append(rounded(replace(observed.measured(), source="prometheus")))
        if number == 3:
            raws = _named_shortly([raw for raw in watched.everything() if raw["kind"] in RESOURCES])
    # What lowers a clock for a moment under full load would be written with all names each time that it changes.
    reasons = frames[4].throttle_reasons
    return Tape(START, raws, tuple(replace(frame, throttle_reasons=reasons) for frame in frames[4:]))


_UID = re.compile(rb'"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"')


def _named_shortly(raws: list[Raw]) -> dict[Place, Raw]:
    """The objects with short uids: of those that are drawn a fifth of a recording of a few minutes would be made."""
    short: dict[bytes, bytes] = {}
    text = _UID.sub(lambda uid: short.setdefault(uid[0], b'"uid-%d"' % len(short)), orjson.dumps(raws))
    return {place_of(raw): raw for raw in orjson.loads(text)}


def rounded(m: Measurement) -> Measurement:
    """Numbers to within a hundredth, in half the bytes; whole ones up to 128 as they are.

    Those of GPUs by which nothing is judged are within an eighth.
    """
    histograms: dict[Family, dict[HistogramKey, Histogram]] = {
        family: {
            group: Histogram(one.edges, tuple(_short(one.counts)), *_short([one.total])) for group, one in found.items()
        }
        for family, found in m.histograms.items()
        if family is not Family.E2E
    }
    return replace(
        m, engine_table=_short_table(m.engine_table), gpu_table=_short_table(m.gpu_table), histograms=histograms
    )


def _short_table(table: Table) -> Table:
    columns = {quantity: array("d", _short_column(quantity, column)) for quantity, column in table.columns.items()}
    return replace(table, columns=columns)


def _short_column(quantity: Quantity, column: array[float]) -> Iterable[float]:
    if quantity is Quantity.LATEST_TOKENS:
        # Only whether there are some is asked.
        return [min(number, 1.0) for number in column]
    return _short(column, _FEWER if quantity in _SHOWN else _DIGITS)


_DIGITS, _FEWER = 6, 2
"""Binary digits that are kept of a number behind the first."""
_SHOWN = frozenset(
    {
        Quantity.SM_ACTIVE,
        Quantity.DRAM_ACTIVE,
        Quantity.TENSOR_ACTIVE,
        Quantity.GPU_MEMORY_USED,
        Quantity.GPU_POWER,
    }
)


def _short(numbers: Iterable[float], digits: int = _DIGITS) -> array[float]:
    """Numbers rounded to so many binary digits: all at once, as the bits of one whole number."""
    singles = array("f", numbers)
    dropped = 23 - digits
    half, kept = (
        _repeated(1 << (dropped - 1), len(singles)),
        _repeated(0xFFFFFFFF << dropped & 0xFFFFFFFF, len(singles)),
    )
    bits = int.from_bytes(singles.tobytes(), "little") + half & kept
    return array("f", bits.to_bytes(len(singles) * 4, "little"))


@cache
def _repeated(word: int, count: int) -> int:
    return int.from_bytes(word.to_bytes(4, "little") * count, "little")


def _demanding(demand: float) -> Scenario:
    return replace(STEADY, incidents=(Incident(-90, lambda levers, _: levers.demand_all(demand)),))
