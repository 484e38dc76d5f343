"""Contents of a pod template: GPUs, time to end, and the engine that it runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from simulator.blueprint import DEFAULT, WorkloadSpec
from simulator.objects import Object
from simulator.traffic import TrafficSpec

ENGINE_IMAGE = "vllm/vllm-openai"
ENGINE_VERSIONS = ("0.32.0", "0.10.2", "0.6.4")
"""The versions of vLLM whose metrics are in `data`."""
NAME_LABEL = "app.kubernetes.io/name"
DEFAULT_GRACE = 30.0
"""Default seconds between SIGTERM and SIGKILL."""


def containers(template: Mapping[str, Any]) -> list[Object]:
    """Return the containers of a pod template, the serving one first."""
    found: list[Object] = template["spec"]["containers"]
    return found


def gpu_requests(template: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of GPUs or MIG instances requested, by the name of the extended resource."""
    wanted: dict[str, int] = {}
    for container in containers(template):
        limits = (container.get("resources") or {}).get("limits") or {}
        for resource, count in limits.items():
            if resource.startswith("nvidia.com/") and str(count).isdecimal():
                wanted[resource] = wanted.get(resource, 0) + int(count)
    return {resource: count for resource, count in wanted.items() if count}


def grace(template: Mapping[str, Any]) -> float:
    """Seconds that its pods have to end."""
    return float(template["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE))


def port(template: Mapping[str, Any]) -> int:
    """Return the port of its server; 0 if it declares none."""
    ports = containers(template)[0].get("ports") or [{"containerPort": 0}]
    return int(ports[0]["containerPort"])


def named_port(template: Mapping[str, Any], name: str) -> int:
    """The container port of this name; 0 if there is none."""
    ports = (port for container in containers(template) for port in container.get("ports") or ())
    return next((int(port["containerPort"]) for port in ports if port.get("name") == name), 0)


def revision(template: Mapping[str, Any]) -> str:
    """The revision of its model; "" for the newest."""
    return argument(template, "--revision")


def argument(template: Mapping[str, Any], flag: str) -> str:
    """The value of a flag of the serving container, written `--flag value` or `--flag=value`; "" without it."""
    words = _words(template)
    for number, word in enumerate(words):
        if word == flag and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(f"{flag}="):
            return word.removeprefix(f"{flag}=")
    return ""


def model_of(template: Mapping[str, Any]) -> str:
    """Return the model that an engine loads: `--model X`, or the word after `vllm serve`; "" if there is none."""
    words = _words(template)
    if named := argument(template, "--model"):
        return named
    after = words[words.index("serve") + 1 :] if "serve" in words else []
    return after[0] if after and not after[0].startswith("-") else ""


def _words(template: Mapping[str, Any]) -> list[str]:
    container = containers(template)[0]
    return [*(container.get("command") or ()), *(container.get("args") or ())]


class Engines:
    """The engines that the simulator can run: those of a fleet's workloads, and any other with one of their models."""

    def __init__(self, workloads: Iterable[WorkloadSpec]) -> None:
        self._workloads = {(w.namespace, w.name): w for w in workloads}
        self._models = {w.model.repository: w.model for w in (*DEFAULT.workloads, *self._workloads.values())}

    def workload_of(self, namespace: str, template: Mapping[str, Any]) -> WorkloadSpec | None:
        """Return the workload of a pod of this template; None if it is no engine, or its model is not known here."""
        image, _, tag = containers(template)[0]["image"].partition(":")
        model = self._models.get(model_of(template))
        if image != ENGINE_IMAGE or model is None:
            return None
        name = (template["metadata"].get("labels") or {}).get(NAME_LABEL, "")
        known = self._workloads.get((namespace, name))
        served = argument(template, "--served-model-name") or model.repository
        gpus = sum(gpu_requests(template).values()) * (known.group if known else 1) or 1
        # It receives no requests itself; its pods do if the Service of a workload with traffic selects them.
        silent = TrafficSpec(rate=0.0, prompt=1, output=1)
        base = known or WorkloadSpec(name, namespace, served, model, "", gpus, replicas=1, traffic=silent)
        version = tag.removeprefix("v")
        found = replace(base, served=served, model=model, gpus=gpus, version=_known_version(version))
        return known if found == known else found


def exists(image: str) -> bool:
    """True if the registry has an image: of vLLM, the versions that are simulated; anything else is taken to be."""
    repository, _, tag = image.partition(":")
    return repository != ENGINE_IMAGE or tag.removeprefix("v") in ENGINE_VERSIONS


def _known_version(version: str) -> str:
    return version if version in ENGINE_VERSIONS else ENGINE_VERSIONS[0]
