"""Scrubbing of a recording: names, addresses, prompts and secrets are replaced; events, times and relations stay.

Every text is replaced unless a rule here says that it belongs to Kubernetes or an engine and identifies nobody: a field
added to the model tomorrow is hidden until a rule is added. Objects joined by a name stay joined by its pseudonym.
Numbers and times are unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from fleet.alerts.alert_objects import LABELS
from fleet.files import is_there
from fleet.model.alerts import NAME, Matcher
from fleet.model.facts import Facts
from fleet.model.measurement import Measurement, SourceNames
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.pseudonyms import Pseudonyms
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import thinned, written
from fleet.recorder.writer import RecordingWriter

T = TypeVar("T")
Rule = Callable[[Pseudonyms, Any], Any]


def _keep(names: Pseudonyms, value: Any) -> Any:
    del names
    return value


def _named(kind: str) -> Rule:
    return lambda names, value: names.name(value, kind)


def _labelled(names: Pseudonyms, value: Mapping[str, str]) -> dict[str, str]:
    return {names.label(key): names.name(text, "value") for key, text in value.items()}


def _texts(names: Pseudonyms, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(names.text, value))


def _taints(names: Pseudonyms, value: tuple[tuple[str, str, str], ...]) -> tuple[tuple[str, str, str], ...]:
    return tuple((names.label(key), names.name(text, "value"), effect) for key, text, effect in value)


def _devices(names: Pseudonyms, value: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    return tuple((names.label(resource), count) for resource, count in value)


def _resources(names: Pseudonyms, value: Mapping[str, int]) -> dict[str, int]:
    return {names.label(resource): count for resource, count in value.items()}


def _limited(names: Pseudonyms, value: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {kind: tuple(names.name(each, "namespace") for each in spaces) for kind, spaces in value.items()}


def _ports(names: Pseudonyms, value: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    return tuple((names.name(name, "port"), port) for name, port in value)


def _sharers(names: Pseudonyms, value: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((names.name(namespace, "namespace"), names.name(pod, "pod")) for namespace, pod in value)


def _port(names: Pseudonyms, value: str) -> str:
    return value if value.isdigit() else names.name(value, "port")


def _paths(names: Pseudonyms, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(names.path(each, "value") for each in value)


def _address(names: Pseudonyms, value: str) -> str:
    return names.address(value)


def _alert_labels(names: Pseudonyms, value: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an alert: joining labels keep their names, and objects get the same pseudonyms as
    elsewhere.
    """
    return {_alert_label(names, key): _alert_value(names, key, text) for key, text in value.items()}


def _alert_label(names: Pseudonyms, key: str) -> str:
    return key if key in LABELS or key in _COMMON else names.label(key)


def _alert_value(names: Pseudonyms, key: str, text: str) -> str:
    if key == NAME:
        return names.title(text, "alert")
    return names.address(text) if key == "instance" else names.path(text, "value")


def _annotated(names: Pseudonyms, value: Mapping[str, str]) -> dict[str, str]:
    return {_alert_label(names, key): names.text(text) for key, text in value.items()}


def _matcher(names: Pseudonyms, value: Matcher) -> Matcher:
    text = names.name(value.value, "value") if value.regex else _alert_value(names, value.name, value.value)
    return replace(value, name=_alert_label(names, value.name), value=text)


def _matchers(names: Pseudonyms, value: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    return tuple(_matcher(names, each) for each in value)


def _reasoned(kind: str) -> Rule:
    return lambda names, value: names.reason(value, kind)


def _source_names(names: Pseudonyms, value: SourceNames) -> SourceNames:
    return SourceNames(*(tuple(_source(names, each) for each in some) for some in value))


def _each(kind: str) -> Rule:
    return lambda names, value: tuple(names.name(one, kind) for one in value)


def _source(names: Pseudonyms, value: str) -> str:
    """Return ``kind/name`` with the name, which is from a user's configuration, replaced."""
    kind, slash, name = value.partition("/")
    return f"{kind}/{names.name(name, 'source')}" if slash else value


_COMMON: Final = frozenset(
    {"alertname", "severity", "prometheus", "cluster", "device", "reason", "condition", "status", "phase", "quantile"}
    | {"le", "engine", "finished_reason", "summary", "description", "message", "runbook_url", "dashboard_url"}
)
"""Labels and annotations that rules of public projects use."""
_OF_ANY: Final[Mapping[str, Rule]] = {
    "kind": _reasoned("kind"),
    "namespace": _named("namespace"),
    "pod": _named("pod"),
    "node": _named("node"),
    "uid": _named("uid"),
    "involved_uid": _named("uid"),
    "model": _named("model"),
    "served_name": _named("model"),
    "resource_version": _named("version"),
    "message": lambda names, value: names.text(value),
    "last_message": lambda names, value: names.text(value),
    "problem": lambda names, value: names.text(value),
    "remedy": lambda names, value: names.text(value),
    "notes": _texts,
    "reason": _reasoned("reason"),
    "last_reason": _reasoned("reason"),
    "status": _reasoned("status"),
    "phase": _reasoned("phase"),
    "type": _reasoned("type"),
    "strategy": _reasoned("strategy"),
    "container": _named("container"),
    "image": lambda names, value: names.image(value),
    "digest": _named("digest"),
    "command": lambda names, value: names.command(value),
    "labels": _labelled,
    "annotations": _labelled,
    "selector": _labelled,
    "ip": _address,
    "address": _address,
    "server": _address,
    "endpoint": _address,
    "instance": _address,
    "backend": _address,
    "ports": _ports,
    "taints": _taints,
    "sharers": _sharers,
    "gpu_resource": lambda names, value: names.label(value),
    "uuid": _named("GPU"),
}
"""Rules for fields of any owner."""
_KEPT: Final = frozenset(
    f"{owner}.{name}"
    for owner, names in {
        "Serving": "engine gateway ports",
        "Container": "state",
        "SourceStatus": "progress",
        "Alert": "firing",
        "Silence": "state",
        "MonitoringRule": "health state",
        "GatewayId": "dialect",
        "Coverage": "pending",
        "Requirement": "operator",
        "AllowedPorts": "protocol",
        "Unlisted": "resource",
        "ShownCertificate": "whose",
    }.items()
    for name in names.split()
)
"""Fields whose texts come from Kubernetes, a product or a device."""
_OF_ONE: Final[Mapping[str, Rule]] = {
    "Pod.name": _named("pod"),
    "Pod.devices": _devices,
    "Pod.volume_claims": _each("object"),
    "Pod.finalizers": lambda names, value: tuple(names.label(one) for one in value),
    "Node.name": _named("node"),
    "Node.ready": _reasoned("status"),
    "Node.gpu_product": lambda names, value: names.gpu(value),
    "Node.kubelet": lambda names, value: names.version(value),
    "Container.name": _named("container"),
    "Event.source": lambda names, value: names.component(value),
    "Cluster.version": lambda names, value: names.version(value),
    "GpuId.model": lambda names, value: names.gpu(value),
    "GpuId.profile": lambda names, value: names.profile(value),
    "Node.gpus": _resources,
    "Node.devices": _resources,
    "Owner.name": _named("workload"),
    "ObjectRef.name": _named("object"),
    "Workload.name": _named("workload"),
    "TemplateWrite.manager": lambda names, value: names.manager(value),
    "Event.name": _named("event"),
    "Coverage.limited": _limited,
    "Cluster.groups": lambda names, value: tuple(names.name(each, "group") for each in value),
    "Cluster.context": _named("context"),
    "ClusterId.context": _named("context"),
    "Cluster.cluster": _named("cluster"),
    "Cluster.user": _named("user"),
    "SourceStatus.name": _source,
    "Alert.labels": _alert_labels,
    "Alert.annotations": _annotated,
    "Alert.link": _address,
    "Alert.fingerprint": _named("fingerprint"),
    "Alert.silenced_by": _each("silence"),
    "Alert.inhibited_by": _each("fingerprint"),
    "Alert.muted_by": _each("interval"),
    "Alert.receivers": _each("receiver"),
    "Ending.pod_uid": _named("uid"),
    "Ending.reason": _keep,
    "StoreSignal.signal": _keep,
    "Ending.line": lambda names, value: names.text(value),
    "CanaryAnswer.key": lambda names, value: names.key(value),
    "CanaryAnswer.outcome": _keep,
    "Acknowledgement.by": _named("user"),
    "Acknowledgement.note": lambda names, value: names.text(value),
    "Acknowledgement.cause": _keep,
    "Acknowledgement.severity": _keep,
    "Acknowledgement.objects": lambda names, value: tuple(map(names.key, value)),
    "Acknowledgement.cluster_uid": _named("uid"),
    "Backend.port": _port,
    "AllowedPorts.first": _port,
    "Requirement.label": lambda names, value: names.label(value),
    "Route.secrets": _paths,
    "Route.gateways": _paths,
    "Gateway.secrets": _paths,
    "Silence.id": _named("silence"),
    "Silence.matchers": _matchers,
    "Silence.by": _named("user"),
    "Silence.comment": lambda names, value: names.text(value),
    "MonitoringRule.group": _named("group"),
    "MonitoringRule.name": lambda names, value: names.title(value, "alert"),
    "MonitoringRule.expression": lambda names, value: names.text(value),
    "MonitoringRule.labels": _alert_labels,
    "MonitoringRule.annotations": _annotated,
}


class Scrubber:
    """Scrubs moment after moment; an object shared by two of them stays shared."""

    def __init__(self) -> None:
        self.names = Pseudonyms()
        self._done: dict[int, tuple[Any, Any]] = {}

    def moment(self, moment: Moment) -> Moment:
        """The same without names."""
        state = moment.state
        rows: dict[str, Any] = {
            name: self._rows(value)
            for name in ("pods", "nodes", "workloads", "links", "autoscalers", "budgets", "services", "events")
            if (value := getattr(state, name)) is not None
        }
        cluster, coverage = self._scrub_any(state.cluster), self._scrub_any(state.coverage)
        scrubbed = replace(state, cluster=cluster, coverage=coverage, **rows)
        measured = None if moment.measurement is None else self._kept(moment.measurement, self._measurement)
        # After the objects, so that their names are known with their kinds.
        facts = self._kept(moment.facts, self._facts)
        return Moment(scrubbed, tuple(map(self._scrub_any, moment.statuses)), measured, facts)

    def _facts(self, facts: Facts) -> Facts:
        sources = facts.by_source.items()
        return Facts(
            {
                _source(self.names, name): replace(one, value=self._kept(one.value, self._scrub_any))
                for name, one in sources
            }
        )

    def _rows(self, rows: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._kept(rows, lambda each: {row.key: row for row in map(self._row, each.values())})

    def _row(self, row: T) -> T:
        return self._kept(row, self._scrub_any)

    def _kept(self, value: T, scrub: Callable[[T], T]) -> T:
        """Return the earlier result for the same object; the object is kept alive, so that its id cannot be reused."""
        known = self._done.get(id(value))
        if known is None or known[0] is not value:
            known = self._done[id(value)] = value, scrub(value)
        return known[1]

    def _scrub_any(self, value: Any) -> Any:
        """Return any value of the model, scrubbed field by field."""
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._field(value, name) for name in value._fields))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: self._field(value, each.name) for each in fields(value)})
        if isinstance(value, tuple):
            return tuple(map(self._scrub_any, value))
        if isinstance(value, str) and not isinstance(value, Enum):
            return self.names.name(value, "text")
        if isinstance(value, Mapping):
            return {self._scrub_any(key): self._scrub_any(each) for key, each in value.items()}
        if isinstance(value, frozenset):
            return frozenset(map(self._scrub_any, value))
        return value

    def _field(self, owner: Any, name: str) -> Any:
        value, place = getattr(owner, name), f"{type(owner).__name__}.{name}"
        if place in _KEPT or not value:
            return value
        rule = _OF_ONE.get(place) or _OF_ANY.get(name)
        return self._scrub_any(value) if rule is None else rule(self.names, value)

    def _measurement(self, m: Measurement) -> Measurement:
        names = self.names
        return replace(
            m,
            engines=tuple(map(self._scrub_any, m.engines)),
            gateways=tuple(map(self._scrub_any, m.gateways)),
            gpus=tuple(map(self._scrub_any, m.gpus)),
            histograms={family: self._keyed(found) for family, found in m.histograms.items()},
            gateway_histograms={family: self._keyed(found) for family, found in m.gateway_histograms.items()},
            unreachable={self._target(key): names.text(text) for key, text in m.unreachable.items()},
            unread={self._target(key): names.text(text) for key, text in m.unread.items()},
            notes=_texts(names, m.notes),
            sources=_source_names(names, m.sources),
            throttle_reasons={names.path(key, "GPU"): _texts(names, why) for key, why in m.throttle_reasons.items()},
        )

    def _keyed(self, histograms: Mapping[Any, T]) -> dict[Any, T]:
        return {self._scrub_any(key): histogram for key, histogram in histograms.items()}

    def _target(self, target: str) -> str:
        """``namespace/pod``, or an address."""
        return self.names.path(target, "pod") if "/" in target and "://" not in target else self.names.address(target)


def scrub(path: Path, out: Path, progress: Callable[[int, int], object] = lambda *_: None) -> int:
    """Write a recording without names to a new file; return the number of pseudonyms.

    ``progress`` is called with the number of moments done, and the total. Raises RecordingError.
    """
    if is_there(out):
        raise RecordingError(f"{out} already exists", "Name a new file.")
    scrubber = Scrubber()
    with Recording(path) as recording, removed_if_it_fails(out):
        writer = RecordingWriter(out, NoRedaction())
        try:
            moments = tuple(recording.changes())
            for number, at in enumerate(moments):
                progress(number, len(moments))
                writer.note(scrubber.moment(recording.at(at)), at)
            about = {key: scrubber.names.name(recording.about.get(key, ""), key) for key in ("context", "cluster")}
            coarse = written(parts) if (parts := thinned(recording.about)) else {}
            server = scrubber.names.address(recording.about.get("server", ""))
            writer.describe(server=server, scrubbed="1", **about, **coarse)
        finally:
            writer.close()
    return len(scrubber.names)


@contextmanager
def removed_if_it_fails(path: Path) -> Iterator[None]:
    """Half of it is nothing to share, and would be in the way of the next try."""
    try:
        yield
    except BaseException:
        for file in filter(is_there, (Path(f"{path}{ending}") for ending in ("", "-wal", "-shm", "-journal"))):
            file.unlink()
        raise


class NoRedaction:
    """Implements Redaction without redacting: the texts are already clean."""

    def words(self, command: tuple[str, ...]) -> tuple[str, ...]:
        """The same."""
        return command

    def text(self, text: str) -> str:
        """The same."""
        return text
