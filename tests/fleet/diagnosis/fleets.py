"""Small fleets in trouble, from Snapshot to Snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fleet.model.facts import NO_FACTS
from fleet.model.finding import Incident
from fleet.model.histogram import Histogram
from fleet.model.measurement import GatewayId, GpuId, HistogramKey
from fleet.model.objects import (
    Condition,
    Container,
    Event,
    HorizontalPodAutoscaler,
    ModelVersion,
    Node,
    ObjectRef,
    Pod,
    Service,
)
from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from fleet.snapshot.history import RecentHistory
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod, table

Q = Quantity
CHAT = "serving/Deployment/chat"
WELL = {
    Q.RUNNING: 8.0,
    Q.WAITING: 0.0,
    Q.GENERATION_TOKENS: 400.0,
    Q.PROMPT_TOKENS: 90.0,
    Q.LATEST_TOKENS: 490.0,
    Q.KV_USAGE: 0.3,
}
STUCK = WELL | {Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0, Q.LATEST_TOKENS: 0.0}
DEEP = WELL | {Q.WAITING: 70.0}
COOL = {Q.GPU_TEMPERATURE: 60.0, Q.XID: 0.0, Q.THROTTLE: 0.0}
NUMBERS = Mapping[Quantity, float]


def unready(since: float, **more: Any) -> dict[str, Any]:
    """Return the attributes of a pod that is unready since then."""
    return {"ready": False, "conditions": (Condition("Ready", "False", since=since),), **more}


def crashing(since: float) -> dict[str, Any]:
    container = Container("vllm", "vllm:1", restarts=4, reason="CrashLoopBackOff")
    return unready(since, status="CrashLoopBackOff", restarts=4, containers=(container,))


def autoscaler(*conditions: Condition, maximum: int = 3) -> HorizontalPodAutoscaler:
    """The autoscaler of ``chat``, with what its controller says."""
    target = ObjectRef("Deployment", "serving", "chat")
    return HorizontalPodAutoscaler("serving", "chat-hpa", "uid-hpa", "1", target, 1, maximum, 3, 3, conditions)


def rescaled(size: int, at: float, count: int = 1) -> Event:
    """An autoscaler's event, the last of ``count`` alike."""
    involved = ObjectRef("HorizontalPodAutoscaler", "serving", "chat-hpa")
    text = f"New size: {size}; reason: All metrics below target"
    name = f"chat-hpa.{at:.0f}"
    return Event("serving", name, name, "1", involved, "uid-hpa", "Normal", "SuccessfulRescale", text, count, at)


class Fleet:
    """A Deployment of replicas ``chat-0`` … with a GPU each, two on a node."""

    def __init__(self, replicas: int = 3) -> None:
        self.pods: dict[str, dict[str, Any]] = {f"chat-{i}": {} for i in range(replicas)}
        self.engines: dict[str, NUMBERS] = dict.fromkeys(self.pods, WELL)
        self.gpus: dict[str, NUMBERS] = dict.fromkeys(self.pods, COOL)
        self.reasons: dict[str, tuple[str, ...]] = {}
        self.nodes: dict[str, Node] = {f"n{i // 2}": node(f"n{i // 2}") for i in range(replicas)}
        self.workload: dict[str, Any] = {}
        self.autoscaler: HorizontalPodAutoscaler | None = None
        self.events: list[Event] = []
        self.services: list[Service] = []
        self.facts = NO_FACTS
        self.more_gpus: dict[str, NUMBERS] = {}
        """A second GPU of a replica."""
        self.several_gpus: dict[str, Sequence[NUMBERS]] = {}
        """All others of a replica: GPU-name-1 and so on."""
        self.without_gpu: set[str] = set()
        """Replicas whose GPU its exporter does not list."""
        self.latencies: dict[Family, Histogram] = {}
        """Latencies of the model."""
        self.gateways: dict[GatewayId, NUMBERS] = {}
        self.gateway_latencies: dict[Family, dict[GatewayId, Histogram]] = {}
        self.sources = [LIVE]
        self.facts = NO_FACTS
        self.uid = ""
        """UID of the cluster; empty where it is not known."""
        self.history = RecentHistory()
        self.builder = Builder(self.history)
        self.now = NOW
        self.looks = 0
        self.unanswered: dict[str, str] = {}
        """Scraped targets whose answers are no use."""
        self.skew = 0.0
        """Seconds by which the clock of the metrics source is ahead."""

    def of(self, *changed: str, **more: Any) -> None:
        """Change these replicas."""
        for name in changed:
            self.pods[name] = more

    def at(self, seconds: float) -> Snapshot:
        """The Snapshot so many seconds after the beginning."""
        self.now = NOW + seconds
        self.looks += 1
        version = ModelVersion(model="llama", served_name="llama")
        rows = [self._pod(i, name, version) for i, name in enumerate(self.pods)]
        engines = {engine(name): numbers for name, numbers in self.engines.items()}
        gpus = {
            GpuId(f"GPU-{name}", "", f"n{i // 2}", str(i % 2), "serving", name): self.gpus[name]
            for i, name in enumerate(self.pods)
            if name not in self.without_gpu
        }
        for i, name in enumerate(self.pods):
            if name in self.more_gpus:
                gpus[GpuId(f"GPU-{name}-more", "", f"n{i // 2}", "7", "serving", name)] = self.more_gpus[name]
            for number, numbers in enumerate(self.several_gpus.get(name, ()), 1):
                gpus[GpuId(f"GPU-{name}-{number}", "", f"n{i // 2}", f"1{number}", "serving", name)] = numbers
        at = self.now + self.skew
        m = measurement(
            engines,
            gpus=gpus,
            at=at,
            throttle_reasons=self.reasons,
            unreachable=dict(self.unanswered),
            clock_skew=self.skew,
            gateways=tuple(self.gateways),
            gateway_table=table(self.gateways),
            gateway_histograms=self.gateway_latencies,
            histograms={one: {HistogramKey("serving", "llama"): seen} for one, seen in self.latencies.items()},
        )
        state = kube(rows, deployment(**{"desired": len(self.pods), **self.workload}), list(self.nodes.values()))
        scaling = {} if self.autoscaler is None else {self.autoscaler.key: self.autoscaler}
        state = replace(
            state,
            generation=self.looks,
            cluster=replace(state.cluster, uid=self.uid),
            autoscalers=scaling,
            events={one.key: one for one in self.events},
            services={one.key: one for one in self.services},
        )
        return self.builder.build(state, m, self.sources, self.now, facts=self.facts)

    def incidents(self, *seconds: float) -> Sequence[Incident]:
        """The incidents at the last of these moments, after all of them were diagnosed."""
        return [self.at(one) for one in seconds][-1].incidents

    def _pod(self, i: int, name: str, version: ModelVersion) -> Pod:
        fields: dict[str, Any] = {"node": f"n{i // 2}", "gpus": 1, "version": version}
        return pod(name, **(fields | self.pods[name]))


def causes(incidents: Sequence[Incident]) -> list[str]:
    return [one.root.cause for one in incidents]
