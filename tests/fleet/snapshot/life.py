"""A fleet to which anything may happen between two ticks."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from fleet.metrics.unchanged_parts import keeping
from fleet.model.histogram import Histogram
from fleet.model.measurement import GpuId, HistogramKey, Measurement, Table
from fleet.model.objects import HorizontalPodAutoscaler, ObjectRef, Owner, Pod, Service
from fleet.model.quantity import Family, Quantity
from fleet.sources.kube.state import KubeState
from tests.fleet.rows import NOW, deployment, engine, kube, measurement, node, pod

WORKLOADS = ("chat", "code", "embed")
PODS = 5
"""Number of pods of each."""
WELL = {Quantity.RUNNING: 2.0, Quantity.GENERATION_TOKENS: 80.0, Quantity.PROMPT_TOKENS: 9.0, Quantity.WAITING: 1.0}


def names() -> list[tuple[str, str]]:
    return [(workload, f"{workload}-{i}") for workload in WORKLOADS for i in range(PODS)]


def cluster() -> KubeState:
    pods = [pod(name, workload, node=f"n{i % 3}", gpus=1) for i, (workload, name) in enumerate(names())]
    workloads = [row for workload in WORKLOADS for row in deployment(workload, desired=PODS)]
    return kube(pods, workloads, [node(f"n{i}") for i in range(3)])


SOME = Histogram((0.5, 1.0, math.inf), (1.0, 2.0, 2.0))


def measured(
    values: Callable[[], Mapping[Quantity, float]],
    at: float,
    without: int = 0,
    observed: Callable[[], Histogram] = lambda: SOME,
) -> Measurement:
    """Every pod but the last ``without`` with an engine and a GPU."""
    known = names()[: len(names()) - without]
    return measurement(
        {engine(name, model=workload): values() for workload, name in known},
        gpus={
            GpuId(f"GPU-{name}", "", f"n{i % 3}", "0", "serving", name): {Quantity.GPU_TEMPERATURE: 60.0}
            for i, (_, name) in enumerate(known)
        },
        histograms={Family.TTFT: {HistogramKey("serving", workload): observed() for workload in WORKLOADS}},
        at=at,
    )


def with_pod(state: KubeState, key: str, **more: Any) -> KubeState:
    """The state after the watch has told of one pod."""
    version = str(state.generation + 1)
    rows = {**state.pods, key: replace(state.pods[key], resource_version=version, **more)}
    return replace(state, generation=state.generation + 1, pods=MappingProxyType(rows))


def _rows(table: Table, order: Sequence[int]) -> Table:
    columns = {quantity: array("d", (column[i] for i in order)) for quantity, column in table.columns.items()}
    return Table(columns, array("d", (table.ages[i] for i in order)), frozenset(map(order.index, table.reset)))


def _of_rows(m: Measurement, engines: Sequence[int], gpus: Sequence[int]) -> Measurement:
    return replace(
        m,
        engines=tuple(m.engines[i] for i in engines),
        engine_table=_rows(m.engine_table, engines),
        gpus=tuple(m.gpus[i] for i in gpus),
        gpu_table=_rows(m.gpu_table, gpus),
    )


class Life:
    """Random events of a fleet between two ticks."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.state = cluster()
        self.measurement: Measurement | None = None
        self.now = NOW

    @property
    def happens(self) -> list[Callable[[], None]]:
        return [
            self.status, self.status, self.failure, self.arrival, self.departure, self.move, self.end, self.workload,
            self.node, self.measure, self.measure, self.measure, self.unmeasure, self.nothing, self.orphan, self.image,
            self.rebirth, self.rebirth, self.scaled, self.disorder, self.rename, self.late, self.exposed, self.link,
            self.twice, self.swap, self.start, self.start, self.replaced,
        ]  # fmt: skip

    def live(self) -> None:
        for happen in self.random.sample(self.happens, self.random.randint(1, 3)):
            happen()
        self.now += self.random.choice((0.0, 2.0, 2.0, 15.0, 110.0, 290.0, 700.0, -1.0, -400.0, -3600.0))

    def nothing(self) -> None:
        pass

    def any_pod(self) -> Pod:
        return self.random.choice(list(self.state.pods.values()))

    def tell(self, **resources: Any) -> None:
        self.state = replace(self.state, generation=self.state.generation + 1, **resources)

    def change(self, **more: Any) -> None:
        self.state = with_pod(self.state, self.any_pod().key, **more)

    def status(self) -> None:
        self.change(ready=self.random.random() < 0.6, restarts=self.random.choice((0, 1, 3)))

    def failure(self) -> None:
        born: dict[str, Any] = self.random.choice(({}, {"created": self.now - 590}))
        self.change(phase="Failed", status="Evicted", ready=False, **born)

    def end(self) -> None:
        self.change(deleted=self.random.choice((None, self.now)))

    def move(self) -> None:
        self.change(node=f"n{self.random.randint(0, 3)}", ip=f"10.0.0.{self.random.randint(1, 9)}")

    def orphan(self) -> None:
        self.change(owner=None)

    def image(self) -> None:
        self.change(labels={"app": self.random.choice(("a", "nvidia-dcgm-exporter"))})

    def arrival(self) -> None:
        where = self.random.choice(("serving", "serving", "batch"))
        one = pod(f"new-{self.state.generation}", self.random.choice(WORKLOADS), gpus=1, node="n1", namespace=where)
        self.tell(pods={**self.state.pods, one.key: one})

    def departure(self) -> None:
        gone = self.any_pod().key
        if len(self.state.pods) > 3:
            self.tell(pods={key: row for key, row in self.state.pods.items() if key != gone})

    def start(self) -> None:
        """A pod that nothing is measured of gets somewhere, or comes to its end."""
        m = self.measurement
        named = {(one.namespace, one.pod) for one in m.engines} if m is not None else set()
        waiting = [key for key, row in self.state.pods.items() if (row.namespace, row.name) not in named]
        if waiting:
            more: dict[str, Any] = self.random.choice(
                (
                    {"phase": "Pending", "node": "n1", "ready": False},
                    {"phase": "Running", "ip": f"10.0.0.{self.random.randint(1, 9)}", "node": "n2"},
                    {"phase": "Failed", "ready": False},
                    {"phase": "Succeeded", "gpus": 0, "ready": False},
                    {"gpus": 2, "node": "n0"},
                )
            )
            self.state = with_pod(self.state, self.random.choice(waiting), **more)

    def replaced(self) -> None:
        """Do a step of a rollout: one new pod, and one that is gone and no longer measured."""
        self.arrival()
        born = [key for key in self.state.pods if "/new-" in key]
        if len(born) > 1:
            gone = self.random.choice(born)
            self.tell(pods={key: row for key, row in self.state.pods.items() if key != gone})

    def rebirth(self) -> None:
        """Deleted and made anew with the same name, as a StatefulSet does it: in its place, or after all others."""
        row = self.any_pod()
        born: dict[str, Any] = {
            "uid": f"{row.uid}+",
            "resource_version": "1",
            "created": self.now,
            "deleted": None,
            "phase": "Running",
        }
        more: dict[str, Any] = self.random.choice(({}, {"gpus": 0}, {"ip": "10.0.0.4"}, {"ready": False}))
        others = {key: one for key, one in self.state.pods.items() if key != row.key}
        rows = self.state.pods if self.random.random() < 0.5 else others
        self.tell(pods={**rows, row.key: replace(row, **born, **more)})

    def scaled(self) -> None:
        of = ObjectRef("Deployment", "serving", self.random.choice(WORKLOADS))
        row = HorizontalPodAutoscaler("serving", "a", "uid-a", "1", of, 1, self.random.randint(2, 9), 1, 2)
        self.tell(autoscalers=self.random.choice(({}, {row.key: row})))

    def exposed(self) -> None:
        row = Service("serving", "s", "uid-s", "1", "ClusterIP", {"app": self.random.choice(("a", "b"))}, (("h", 80),))
        self.tell(services=self.random.choice(({}, {row.key: row})))

    def link(self) -> None:
        key = self.random.choice(list(self.state.links))
        above = self.random.choice((None, Owner("Deployment", "chat", "uid-chat")))
        self.tell(links={**self.state.links, key: replace(self.state.links[key], owner=above)})

    def workload(self) -> None:
        key = self.random.choice(list(self.state.workloads))
        row = replace(self.state.workloads[key], desired=self.random.randint(0, 6), ready=self.random.randint(0, 6))
        self.tell(workloads={**self.state.workloads, key: row})

    def node(self) -> None:
        key = self.random.choice(list(self.state.nodes))
        row = replace(self.state.nodes[key], ready=self.random.choice(("True", "False")))
        self.tell(nodes={**self.state.nodes, key: row})

    def measure(self) -> None:
        def values() -> dict[Quantity, float]:
            chosen = self.random.sample((Quantity.WAITING, Quantity.KV_USAGE, Quantity.PREEMPTIONS), 2)
            odd = {name: self.random.choice((0.0, 0.97, 60.0)) for name in chosen}
            tokens = self.random.choice((0.0, 80.0, 80.0))
            return {**WELL, Quantity.GENERATION_TOKENS: tokens, Quantity.PROMPT_TOKENS: tokens, **odd}

        def observed() -> Histogram:
            return replace(SOME, counts=(1.0, self.random.choice((2.0, 3.0)), 3.0))

        m = measured(values, self.now, self.random.choice((0, 0, 0, 2)), observed)
        some = [gpu.key for gpu in m.gpus if self.random.random() < 0.2]
        ages = array("d", (self.random.choice((0.0, 0.0, 4.0, 200.0)) for _ in m.engines))
        m = replace(m, engine_table=replace(m.engine_table, ages=ages), interval=self.random.choice((5.0, 120.0)))
        xids = array("d", (self.random.choice((0.0, 0.0, 13.0, 79.0)) for _ in m.gpus))
        table = replace(m.gpu_table, columns={**m.gpu_table.columns, Quantity.XID: xids})
        reasons = dict.fromkeys(some, ("thermal (software)",))
        self.measurement = keeping(self.measurement, replace(m, gpu_table=table, throttle_reasons=reasons))

    def remeasure(self, other: Measurement) -> None:
        self.measurement = keeping(self.measurement, other)

    def disorder(self) -> None:
        """The same numbers, and the engines and GPUs in another order."""
        if (m := self.measurement) is None:
            return
        engines, gpus = ([*range(len(rows))] for rows in (m.engines, m.gpus))
        self.random.shuffle(engines)
        self.random.shuffle(gpus)
        self.remeasure(_of_rows(m, engines, gpus))

    def swap(self) -> None:
        """Two engines trade their numbers, and no sum is another."""
        if (m := self.measurement) is not None:
            i, j = self.random.sample(range(len(m.engines)), 2)
            columns = {quantity: array("d", column) for quantity, column in m.engine_table.columns.items()}
            for column in columns.values():
                column[i], column[j] = column[j], column[i]
            self.remeasure(replace(m, engine_table=replace(m.engine_table, columns=columns)))

    def rename(self) -> None:
        """Engines say that they serve something else, or nothing; some are told twice by that."""
        if (m := self.measurement) is not None:
            named = (one._replace(model=self.random.choice((one.model,) * 4 + ("other", ""))) for one in m.engines)
            self.remeasure(replace(m, engines=tuple(named)))

    def twice(self) -> None:
        """Two exporters of one node, and two processes of one pod that call their engine the same."""
        if (m := self.measurement) is not None:
            engines, gpus = ([*range(len(rows)), self.random.randrange(len(rows))] for rows in (m.engines, m.gpus))
            self.remeasure(_of_rows(m, engines, gpus))

    def late(self) -> None:
        """A measurement that began long ago, with rows that have restarted and numbers that are none."""
        self.measure()
        if (m := self.measurement) is not None:
            columns = {
                quantity: array("d", (self.random.choice((value, value, math.nan, math.inf)) for value in column))
                for quantity, column in m.engine_table.columns.items()
            }
            restarted = frozenset(self.random.sample(range(len(m.engines)), 2))
            table = Table(columns, m.engine_table.ages, restarted)
            at = self.now - self.random.choice((-50.0, 5.0, 400.0))
            self.remeasure(replace(m, at=at, engine_table=table, clock_skew=self.random.choice((0.0, 0.0, 60.0))))

    def unmeasure(self) -> None:
        if self.random.random() < 0.2:
            self.measurement = None


class Rollout(Life):
    """A fleet in which pods take the place of others, and little else happens."""

    @property
    def happens(self) -> list[Callable[[], None]]:
        return [
            self.start, self.start, self.start, self.arrival, self.replaced, self.status, self.workload, self.node,
            self.scaled, self.nothing, self.measure,
        ]  # fmt: skip
