"""The container of a pod that serves a model, its server and its ports: read from its description alone.

The first evidence wins: the command that starts the server, then the image. Values from secrets or config maps are
never read, so a port in one of these, or in a file that ``--config`` names, is unknown here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from fleet.dataclass import dataclass
from fleet.json_fields import Raw, mapping, mappings, text, texts
from fleet.kinds.registry import grouping
from fleet.metrics.flags import COMMON
from fleet.metrics.product import Product
from fleet.metrics.products import by_image, engines, gateway
from fleet.metrics.registry import ENGINES, GATEWAYS
from fleet.model.objects import Serving
from fleet.sources.kube.project.gpu import container_gpus
from fleet.sources.kube.project.shell import Command, commands, expanded, program

RAY_NODE = "ray.io/node-type"
"""The label of a pod that is a node of a Ray cluster."""
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_MOST_RANKS = 64
"""API servers of one pod: no node has more accelerators."""


@dataclass(frozen=True, slots=True)
class Start:
    """A command that starts a server of models; ``command`` are its words behind the program's own."""

    engine: Product
    command: Command


def environment_of(container: Raw) -> dict[str, str]:
    """Return the variables with values in the template itself, earlier ones substituted into later ones."""
    found: dict[str, str] = {}
    for variable in mappings(container, "env"):
        if "valueFrom" not in variable:
            value = variable.get("value")
            known = (expanded(value, found) if "$" in value else value) if isinstance(value, str) else ""
            found[text(variable, "name")] = known
    return found


def commands_of(container: Raw, more: Mapping[str, str] | None = None) -> tuple[Command, ...]:
    """The simple commands of a container; ``more`` are variables that its controller sets."""
    known = environment_of(container) | dict(more or {})
    return commands(texts(container, "command"), texts(container, "args"), known)


def starts(found: Sequence[Command]) -> Iterator[Start]:
    """The servers of models among these commands."""
    version = ENGINES.version
    return filter(None, (_start(command, version) for command in found))


@lru_cache(maxsize=1024)
def _start(command: Command, version: int) -> Start | None:
    """The server that one command starts. Remembered, because the pods of a workload all have the same commands."""
    del version  # of the known engines
    names = [program(word) for word in command]
    for engine in engines():
        behind = next((at for words in engine.programs if (at := _index_behind(names, words))), 0)
        if behind:
            return Start(engine, command[behind:])
    return None


def server_of(container: Raw, found: Sequence[Command]) -> Product | None:
    """Return the product of a container: by its command, else by its image if the command starts nothing else."""
    started = next(starts(found), None)
    if started is not None:
        return started.engine
    engine = by_image(text(container, "image"))
    if engine is None or _runs_something_else(engine, found):
        return None
    # A custom script in an engine's image may do anything; with GPUs it probably serves.
    return engine if not texts(container, "command") or _holds_gpus(container) else None


def candidates(spec: Raw) -> list[Raw]:
    """Return the containers that run as long as their pod: the regular ones, then the sidecars among the init
    containers.
    """
    init = mappings(spec, "initContainers")
    return [*mappings(spec, "containers"), *(c for c in init if text(c, "restartPolicy") == "Always")]


def engine_container(spec: Raw) -> Raw | None:
    """Return the container that runs the model, the first one if nothing distinguishes it. Sidecars may come first."""
    found = candidates(spec)
    return max(found, key=_likeness) if len(found) > 1 else next(iter(found), None)


def serving(metadata: Raw, spec: Raw) -> Serving:
    """Return how the server of models in this pod is reached."""
    labels = mapping(metadata, "labels")
    kind = grouping(labels)
    group = kind.replica if kind is not None else None
    index = text(labels, group.worker) if group is not None else ""
    more = {group.variable: index} if group is not None and index else {}
    main = engine_container(spec)
    if main is None:
        return Serving()
    found = commands_of(main, more)
    engine = server_of(main, found)
    own_entrypoint = not texts(main, "command")
    if _follows(found, labels, index, engine if own_entrypoint else None):
        return Serving(engine.name if engine else "", text(main, "name"), follows=True)
    if engine is None and _holds_gpus(main):
        engine = next((known for known in engines() if any(_runs(found, agent) for agent in known.agents)), None)
    if engine is None:
        return _gateway(spec, more) or Serving(container=text(main, "name"))
    ports: dict[int, None] = {}
    for container in candidates(spec):
        ports |= dict.fromkeys(_ports(container, commands_of(container, more), engine, main is container))
    return Serving(
        engine.name,
        text(main, "name"),
        tuple(ports)[:_MOST_RANKS],
        _speaks_tls(main, found, engine, tuple(ports)),
        key=_asks_key(main, found, engine),
    )


def _asks_key(container: Raw, found: Sequence[Command], engine: Product) -> bool | None:
    """True if an engine asks for a key; None where its description does not tell. Which key is of no interest here."""
    flags, started = engine.flags, next(starts(found), None)
    if not flags.keys or (started is None and texts(container, "command")):
        return None
    words = {word.partition("=")[0].replace("_", "-") for command in found for word in command}
    named = {text(variable, "name") for variable in mappings(container, "env")}
    if not words.isdisjoint(flags.keys) or not named.isdisjoint(flags.key_variables):
        return True
    elsewhere = not words.isdisjoint(flags.configuration) or any("$" in word for word in words)
    return None if elsewhere or mappings(container, "envFrom") else False


def gateway_of(container: Raw, found: Sequence[Command]) -> Product | None:
    """Return the gateway that a container starts: by its commands, else its image; None if it is not a known one."""
    for command in found:
        names = [program(word) for word in command]
        for product in GATEWAYS.products:
            if any(_index_behind(names, words) for words in product.programs):
                return product
    return gateway({}, (text(container, "image"),))


def _gateway(spec: Raw, more: Mapping[str, str]) -> Serving | None:
    for container in candidates(spec):
        found = commands_of(container, more)
        product = gateway_of(container, found)
        if product is not None:
            ports = tuple(_ports(container, found, product, True))
            return Serving(container=text(container, "name"), ports=ports, gateway=product.name)
    return None


def flag(words: Sequence[str], name: str) -> str:
    """The value of ``--flag value`` or ``--flag=value``; argparse takes ``_`` for ``-`` in some servers' flags."""
    wanted = name.replace("_", "-")
    for number, word in enumerate(words):
        if not word.startswith("-"):
            continue
        given, equals, value = word.partition("=")
        if given == wanted or given.replace("_", "-") == wanted:
            if equals:
                return value
            if number + 1 < len(words) and is_value(words[number + 1]):
                return words[number + 1]
    return ""


def is_value(word: str) -> bool:
    """True if a word after a flag can be its value."""
    return bool(word) and not word.startswith("-")


def _index_behind(names: Sequence[str], words: tuple[str, ...]) -> int:
    """Return the index behind the words of a program in a command, 0 for a command without them."""
    size = len(words)
    for at in range(len(names) - size + 1):
        if tuple(names[at : at + size]) == words:
            return at + size
    return 0


def _likeness(container: Raw) -> int:
    """Return a score of how much a container looks like the one that runs the model."""
    found = commands_of(container)
    words = [word for command in found for word in command]
    return (
        4 * (next(starts(found), None) is not None)
        + 4 * _holds_gpus(container)
        + 2 * (server_of(container, found) is not None)
        + any(flag(words, name) for name in COMMON.model)
    )


def _holds_gpus(container: Raw) -> bool:
    """True if it has GPUs, or a claim on a device."""
    return bool(container_gpus(container) or mappings(mapping(container, "resources"), "claims"))


def _runs_something_else(engine: Product, found: Sequence[Command]) -> bool:
    """True for a command of the engine that serves nothing (a benchmark, a batch), or a mere sleep."""
    own = {words[0] for words in engine.programs if len(words) > 1 and "." not in words[0]}
    for command in found:
        names = [program(word) for word in command]
        if own.intersection(names[:2]) or names[:1] in (["sleep"], ["tail"]):
            return True
    return False


def _follows(found: Sequence[Command], labels: Raw, index: str, image: Product | None) -> bool:
    """True if a pod only lends its GPUs to the engine of another pod in its group.

    ``image``: the command belongs to this engine's image, and the words are the server's arguments.
    """
    serves = [Start(image, command) for command in found] if image is not None else list(starts(found))
    if any(map(_lends_gpus, serves)):
        return True
    joins = any(
        any(_runs(found, agent, name) for agent in known.agents for name in known.flags.join)
        or any(_runs(found, words) for words in known.followers)
        for known in engines()
    )
    if index not in ("", "0"):
        return joins or not serves
    # A worker of a RayService may run replicas, whose metrics its Ray agent exposes.
    ports = [name for known in engines() if known.agents for name in known.flags.port]
    has_port = any(flag(command, name) for command in found for name in ports)
    return joins and not serves and not has_port and not text(labels, RAY_NODE)


def _lends_gpus(start: Start) -> bool:
    """True if the flags of a server say that another process of its engine has the API."""
    flags = start.engine.flags
    rank = next((rank for name in flags.rank if (rank := flag(start.command, name))), "")
    return not set(flags.headless).isdisjoint(start.command) or (rank.isdecimal() and int(rank) > 0)


def _runs(found: Sequence[Command], words: tuple[str, ...], name: str = "") -> bool:
    """True if one of these commands matches, with a value for a flag if one is named."""
    for command in found:
        behind = _index_behind([program(word) for word in command], words)
        if behind and (not name or flag(command[behind:], name)):
            return True
    return False


def _ports(container: Raw, found: Sequence[Command], engine: Product, main: bool) -> Iterator[int]:
    """Yield the ports of this engine's API servers in this container, according to their command lines."""
    commands = [start.command for start in starts(found) if start.engine is engine]
    if not commands and main:
        commands = [tuple(word for command in found for word in command)]
    environment = environment_of(container)
    for words in commands:
        port = next(filter(None, (flag(words, name) for name in engine.flags.port)), "")
        port = port or next(filter(None, (environment.get(name, "") for name in engine.port_variables)), "")
        first = number_of_port(port)
        if first is not None:
            yield from range(first, min(first + _ranks(words, engine), 65536))
        elif port:
            yield from _of_every_rank(container, words, engine)


def _ranks(words: Sequence[str], engine: Product) -> int:
    """Ports from the first on that a supervisor of data-parallel ranks gives to one API server each."""
    ranks = engine.ranks
    if ranks is None or not set(ranks.switches).intersection(word.replace("_", "-") for word in words):
        return 1
    count = next(filter(None, (flag(words, name) for name in ranks.sizes)), "1")
    return max(1, min(int(count), _MOST_RANKS)) if count.isdecimal() and len(count) < 6 else 1


def _of_every_rank(container: Raw, words: Sequence[str], engine: Product) -> Iterator[int]:
    """Yield the declared ports of a container that starts one API server per rank, at ports that only its shell
    computes.
    """
    if engine.ranks is not None and any(flag(words, name) for name in engine.ranks.own):
        for declared in mappings(container, "ports"):
            port = number_of_port(str(declared.get("containerPort", "")))
            if port is not None and declared.get("protocol", "TCP") == "TCP":
                yield port


def number_of_port(word: str) -> int | None:
    """The TCP port that a word names; None for any other word."""
    number = int(word) if word.isdecimal() and word.isascii() and len(word) <= 5 else 0
    return number if 0 < number < 65536 else None


def _speaks_tls(container: Raw, found: Sequence[Command], engine: Product, ports: tuple[int, ...]) -> bool:
    """True if it uses TLS, by the server's flags, else by the scheme of the kubelet's probe of its port."""
    if any(flag(command, name) for command in found for name in engine.flags.tls):
        return True
    named = {text(port, "name"): port.get("containerPort") for port in mappings(container, "ports")}
    for probe in _PROBES:
        asked = mapping(mapping(container, probe), "httpGet")
        port = asked.get("port")
        if text(asked, "scheme").upper() == "HTTPS" and (not ports or named.get(str(port), port) in ports):
            return True
    return False
