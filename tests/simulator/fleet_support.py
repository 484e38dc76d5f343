"""Fleets to look at from outside, as tests of the simulated world do: by objects, by /metrics, by logs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from simulator.blueprint import DEFAULT, Blueprint
from simulator.scenarios import SCENARIOS, STEADY, Scenario
from simulator.store import Store
from simulator.world import Fleet
from tests.simulator.api_support import HandClock

START = 1_795_222_800.0
"""2026-11-21 01:00 UTC."""

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Sample:
    name: str
    labels: dict[str, str]
    value: float


def parse(text: str, beginning: str = "") -> Iterator[Sample]:
    """The samples of a page in the Prometheus text format whose names have this beginning."""
    for line in text.splitlines():
        if line.startswith(beginning) and line and not line.startswith("#"):
            match = _SAMPLE.match(line)
            assert match, line
            yield Sample(match[1], dict(_LABEL.findall(match[2] or "")), float(match[3]))


def value(text: str, name: str, **labels: str) -> float:
    """The one sample of this name with these labels."""
    found = [s.value for s in parse(text, name) if s.name == name and labels.items() <= s.labels.items()]
    assert len(found) == 1, (name, labels, found)
    return found[0]


def increase(before: str, after: str, name: str, **labels: str) -> float:
    """Return the increase of a counter."""
    return value(after, name, **labels) - value(before, name, **labels)


def quantile(before: str, after: str, family: str, q: float) -> float:
    """The bucket edge under which a share `q` of the observations between two pages lies."""
    buckets = {s.labels["le"]: s.value for s in parse(after, family) if s.name == f"{family}_bucket"}
    for sample in parse(before, family):
        if sample.name == f"{family}_bucket":
            buckets[sample.labels["le"]] -= sample.value
    total = buckets["+Inf"]
    assert total > 0, f"nothing observed of {family}"
    return min(float(edge) for edge, count in buckets.items() if count >= q * total)


def only(*names: str) -> Blueprint:
    """The usual nodes with no more than these workloads: quicker to simulate."""
    return replace(DEFAULT, workloads=tuple(w for w in DEFAULT.workloads if w.name in names))


class Watched:
    """A fleet that a test advances by hand."""

    def __init__(
        self,
        scenario: Scenario | str = STEADY,
        *,
        pods: int | None = None,
        seed: int = 1,
        blueprint: Blueprint = DEFAULT,
    ) -> None:
        self.clock = HandClock(START)
        self.store = Store(self.clock.now)
        chosen = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
        self.fleet = Fleet(self.store, self.clock, scenario=chosen, pods=pods, seed=seed, blueprint=blueprint)
        self.fleet.start()

    def run(self, seconds: float) -> None:
        """Let simulated time pass."""
        self.clock.at += seconds
        self.fleet.advance(self.clock.at)

    def objects(self, kind: str, api_version: str = "v1", namespace: str | None = None) -> list[dict[str, Any]]:
        return self.store.list(api_version, kind, namespace)

    def pods(self, workload: str) -> list[dict[str, Any]]:
        """The pod objects of a workload, by name."""
        found = [
            pod for pod in self.objects("Pod") if pod["metadata"]["labels"].get("app.kubernetes.io/name") == workload
        ]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))

    def servers(self, workload: str) -> list[dict[str, Any]]:
        """The same without those that serve nothing themselves: the workers of groups."""
        return [pod for pod in self.pods(workload) if "ports" in pod["spec"]["containers"][0]]

    def apps(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        obj = self.store.get("apps/v1", kind, namespace, name)
        assert obj is not None
        return obj

    def page(self, pod: dict[str, Any]) -> str:
        """The /metrics page of a pod."""
        meta = pod["metadata"]
        port = pod["spec"]["containers"][0]["ports"][0]["containerPort"]
        answer = self.fleet.respond(meta["namespace"], meta["name"], port, "GET", "/metrics", b"")
        assert answer.status == 200
        return answer.body.decode()

    def pages(self, workload: str) -> dict[str, str]:
        """The /metrics pages of a workload's pods that listen, by name."""
        return {pod["metadata"]["name"]: self.page(pod) for pod in self.servers(workload) if is_ready(pod)}

    def dcgm(self, node: str) -> str:
        """The DCGM exporter's page of a node."""
        exporters = [pod for pod in self.pods("dcgm-exporter") if pod["spec"]["nodeName"] == node]
        assert len(exporters) == 1
        return self.page(exporters[0])

    def everything(self) -> list[dict[str, Any]]:
        """Every object of the cluster."""
        return [entry.obj for table in self.store.tables.values() for entry in table.now()]

    def events(self, reason: str) -> list[dict[str, Any]]:
        return [event for event in self.objects("Event") if event["reason"] == reason]


def is_ready(pod: dict[str, Any]) -> bool:
    """True if the pod's Ready condition is True."""
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])


def state(pod: dict[str, Any]) -> dict[str, Any]:
    """The status of a pod's only container."""
    found: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return found


def patch(fleet: Watched, obj: dict[str, Any], **spec: object) -> None:
    """Store an object as an API server does after a PATCH of the spec."""
    generation = obj["metadata"].get("generation", 1) + 1
    fleet.store.put(obj | {"metadata": obj["metadata"] | {"generation": generation}, "spec": obj["spec"] | spec})


def names(pods: list[dict[str, Any]]) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods}


def with_revision(obj: dict[str, Any], revision: str) -> dict[str, Any]:
    """The pod template of a workload with another revision of the model."""
    template = obj["spec"]["template"]
    container = template["spec"]["containers"][0]
    args = list(container["args"])
    args[args.index("--revision") + 1] = revision
    return dict(template) | {"spec": template["spec"] | {"containers": [container | {"args": args}]}}


def revisions(pods: list[dict[str, Any]]) -> list[str]:
    return sorted(pod["spec"]["containers"][0]["args"][5] for pod in pods)


def reason(obj: dict[str, Any], kind: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    (found,) = (c for c in obj["status"]["conditions"] if c["type"] == kind)
    return found["status"], found["reason"]


def relabel(fleet: Watched, pod: dict[str, Any], **labels: str | None) -> None:
    """Store a pod as an API server does after a PATCH of its labels; None removes one."""
    meta = pod["metadata"]
    current = fleet.store.get("v1", "Pod", meta["namespace"], meta["name"])
    assert current is not None
    changed = {key.replace("__", "."): value for key, value in labels.items()}
    kept = {key: value for key, value in (current["metadata"]["labels"] | changed).items() if value is not None}
    fleet.fleet.patch_pod(
        meta["namespace"], meta["name"], current | {"metadata": current["metadata"] | {"labels": kept}}
    )
