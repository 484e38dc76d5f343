"""A local server like a given pod: the pod's arguments, and those that had to differ, with the reason. The only I/O is
checking whether a path exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from fleet.dataclass import dataclass
from fleet.local.arguments import FIELDS, FlagArgument, arguments_of, parse_arguments
from fleet.local.spec import DEFAULT_PORT, LaunchSpec, with_values
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.products import by_image
from fleet.model.objects import Container, Pod
from fleet.sources.kube.project.model_version import command_words
from fleet.sources.kube.project.serving import starts
from fleet.sources.kube.project.shell import commands


class CannotCopyError(Exception):
    """Raised if the pod's server cannot be started here; the text says why."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not taken over, and why. No secret is ever in it."""

    what: str
    there: str
    here: str
    why: str


@dataclass(frozen=True, slots=True)
class Same:
    """The spec to start, and how it differs from the pod."""

    spec: LaunchSpec
    differences: tuple[Difference, ...]


_LEFT_OUT: Final = "left out"
_PEERS: Final = re.compile(
    r"-dp[a-z]*|--data-parallel-.*|-n|--nnodes|-r|--node-rank|--master-(addr|port)|--headless|--kv-transfer-config"
    r"|--ec-transfer-config|--kv-events-config|--weight-transfer-config|--distributed-init-method|--otlp-traces-endpoint"
)
"""Flags that name other processes: ranks, nodes, stores and collectors of the cluster."""
_ENTRY: Final = re.compile(r"vllm\.entrypoints\.(openai\.)?api_server|.*/vllm/entrypoints/(openai/)?api_server\.py")
_REDIRECTION: Final = re.compile(r"[\d&]*>.*|<.*")
_VARIABLE: Final = re.compile(r"\$[({]?\w+[)}]?")
_VERSION: Final = re.compile(r"v?(\d+\.\d+(?:\.\d+)?(?:\.?(?:post|rc|dev)\d+)?)\b")


def same_as(
    pod: Pod,
    defaults: LaunchSpec,
    *,
    gpus: int | None = None,
    version: str = "",
    exists: Callable[[str], bool] = lambda path: Path(path).exists(),
) -> Same:
    """Return a server like ``pod``; name, host, port and download permission are those of ``defaults``.

    ``gpus`` is this machine's number of GPUs, ``version`` its vLLM; an unknown one is not compared. Raises
    CannotCopyError if the pod does not run vLLM, or if that cannot be seen.
    """
    container = _engine(pod)
    words = _arguments(pod, container)
    taken, differences = _sorted(words, exists)
    fields, extra = parse_arguments(taken)
    fields, more = _fields_here(pod, fields, defaults, exists)
    if not fields.get("model"):
        raise CannotCopyError(f"{pod.name} does not name the model that it serves")
    differences += more
    if gpus is not None:
        fields, fewer = _on_gpus(fields, gpus)
        differences += fewer
    there = _VERSION.match(container.image.partition("@")[0].rpartition(":")[2])
    if version and there is not None and there[1] != version.partition("+")[0]:
        why = "flags, defaults and speed differ between versions"
        differences.append(Difference("vLLM", there[1], version, why))
    differences.append(
        Difference(
            "variables", "not read", _names(defaults), "those of a pod may contain secrets: set what is needed here"
        )
    )
    base = LaunchSpec(
        defaults.name,
        "",
        host=defaults.host,
        port=defaults.port,
        env=defaults.env,
        hub=defaults.hub,
        usage_stats=defaults.usage_stats,
    )
    return Same(with_values(base, {**fields, "extra": extra}), tuple(differences))


def _engine(pod: Pod) -> Container:
    """Return the container that runs the model. Raises CannotCopyError if it is another engine."""
    containers = [container for container in pod.containers if not container.init]
    if not containers:
        raise CannotCopyError(f"{pod.name} has no containers")
    named = [container for container in containers if _served_with(container.command) is not None]
    found = next((each for each in containers if each.gpus), named[0] if named else containers[0])
    if _served_with(found.command) is None:
        start = next(starts(commands(found.command, ())), None)
        engine = start.engine if start is not None else by_image(found.image)
        if engine is not None and engine is not VLLM.product:
            raise CannotCopyError(f"{pod.name} runs {engine.name}: only {VLLM.product.name} can be started here")
    return found


def _served_with(command: Sequence[str]) -> Sequence[str] | None:
    """The arguments of ``vllm serve`` in a command line; None where there is no such command."""
    for words in commands(command, ()):
        for at, word in enumerate(words):
            behind = words[at + 1] if at + 1 < len(words) else ""
            if behind == "serve" and (word.rpartition("/")[2] == "vllm" or word.startswith("vllm.entrypoints.cli")):
                return words[at + 2 :]
            if _ENTRY.fullmatch(word):
                return words[at + 1 :]
    return None


def _arguments(pod: Pod, container: Container) -> list[str]:
    """The words behind ``vllm serve``. Raises CannotCopyError."""
    found = _served_with(container.command)
    if found is None:
        # vLLM's images have an entrypoint: there are only arguments, starting with flags or the model.
        words = command_words(container.command, ())
        bare = not words or words[0].startswith("-") or words[0] == pod.version.model
        if "vllm" not in container.image.lower() or not bare:
            what = words[0] if words else container.image
            raise CannotCopyError(f"{pod.name} runs {what}: neither vLLM nor its arguments can be recognised")
        found = words
    # Redirections in a script are not arguments.
    return [word for word in takewhile(lambda word: not _REDIRECTION.fullmatch(word), found) if word.strip()]


def _sorted(words: Sequence[str], exists: Callable[[str], bool]) -> tuple[list[str], list[Difference]]:
    """The arguments that can be taken over as they are, and the others."""
    taken: list[str] = []
    differences: list[Difference] = []
    for argument in arguments_of(words):
        found = _not_here(argument, exists)
        if found is None:
            taken += argument.words
        else:
            differences.append(found)
    return taken, differences


def _not_here(argument: FlagArgument, exists: Callable[[str], bool]) -> Difference | None:
    """Return why an argument cannot be used here; None if it can. Host, port and model are handled elsewhere."""
    flag, values, _ = argument
    there = " ".join(values) or "on"
    if flag in VLLM.product.flags.secret:
        return Difference(flag, "set", _LEFT_OUT, "secrets of the fleet stay there; a server gets its own key")
    if flag.startswith("--ssl-"):
        return Difference(flag, there, _LEFT_OUT, "here it uses plain HTTP; keys of the fleet stay there")
    if flag == "--uds":
        return Difference(flag, there, _LEFT_OUT, "here it listens on a port")
    if _PEERS.fullmatch(flag):
        return Difference(flag, there, _LEFT_OUT, "it needs other processes of the cluster: here a single engine runs")
    if flag == "--distributed-executor-backend" and "ray" in values:
        return Difference(flag, there, _LEFT_OUT, "there is no Ray cluster here: its processes run on this machine")
    if flag == "--shutdown-timeout":
        return Difference(flag, there, _LEFT_OUT, "running requests get this program's grace period")
    if flag == "--disable-log-stats":
        return Difference(flag, there, _LEFT_OUT, "without its statistics nothing can be measured here")
    if flag in {"", "--model", "--host", "--port"}:
        return None
    if any(_VARIABLE.search(value) for value in values if not value.startswith("{")):
        return Difference(flag, there, _LEFT_OUT, "it comes from a variable of the pod, which is not read")
    if flag == "--config":
        return Difference(flag, there, _LEFT_OUT, "the content of that file in the container is not known here")
    if flag in FIELDS and parse_arguments(argument.words).extra:
        return Difference(flag, there, _LEFT_OUT, "only a value that can be checked is copied")
    if any(value.startswith("/") and not exists(value) for value in values):
        return Difference(flag, there, _LEFT_OUT, "there is no such path on this machine")
    return None


def _fields_here(
    pod: Pod, fields: dict[str, Any], defaults: LaunchSpec, exists: Callable[[str], bool]
) -> tuple[dict[str, Any], list[Difference]]:
    """The fields with the model, the address and the names that they have here."""
    found = dict(fields)
    differences: list[Difference] = []
    model = str(found.get("model", ""))
    if not model or "$" in model:
        model = pod.version.model if "$" not in pod.version.model else ""
    if model:
        found["model"] = model
        differences += _model(model, defaults, exists)
    host = str(found.pop("host", "")) or "0.0.0.0"
    if host != defaults.host:
        why = "only this machine can reach it, unless you set another host"
        differences.append(Difference("host", host, defaults.host, why))
    port = found.pop("port", DEFAULT_PORT)
    if port != defaults.port:
        differences.append(Difference("port", str(port), str(defaults.port), "the first free one here"))
    return found, differences


def _model(model: str, defaults: LaunchSpec, exists: Callable[[str], bool]) -> list[Difference]:
    if model.startswith("/"):
        if exists(model):
            return []
        return [Difference("model", model, "not there", "a folder in the container: name one on this machine")]
    if re.match(r"\w+://", model):
        return [Difference("model", model, "unchanged", "it is read from there, which needs access and credentials")]
    if defaults.hub:
        return []
    why = "the hub is not used unless you allow it: it must be downloaded already"
    return [Difference("weights", "from the hub", "from the cache of this machine", why)]


def _on_gpus(fields: dict[str, Any], gpus: int) -> tuple[dict[str, Any], list[Difference]]:
    """Fit the parallelism to the available GPUs: pipeline parallelism is dropped first, then tensor parallelism is
    reduced to a divisor.
    """
    tensor, pipeline = fields.get("tensor_parallel_size", 1), fields.get("pipeline_parallel_size", 1)
    if tensor * pipeline <= max(gpus, 1):
        return fields, []
    # A divisor of a divisor of the model's heads divides them, too.
    fewer = max(size for size in range(1, tensor + 1) if tensor % size == 0 and size <= max(gpus, 1))
    stages = pipeline if fewer * pipeline <= gpus else 1
    why = f"this machine has {gpus} {'GPU' if gpus == 1 else 'GPUs'}: whether it fits is checked before it starts"
    differences = [
        Difference(what, str(there), str(here), why)
        for what, there, here in (("tensor parallel", tensor, fewer), ("pipeline parallel", pipeline, stages))
        if there != here
    ]
    return fields | {"tensor_parallel_size": fewer, "pipeline_parallel_size": stages}, differences


def _names(spec: LaunchSpec) -> str:
    return " ".join(spec.env) or "none"
