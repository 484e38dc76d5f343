"""The ways for a pod to leave service: which label is changed, and the effect on its place in the workload.

A ReplicaSet releases a pod whose labels it no longer selects and starts another; a Service removes a pod from its
endpoints within two seconds. A StatefulSet cannot start another pod beside one with its name, so its pods are never
orphaned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import field, replace
from typing import Any

from actions.drain.options import Method
from actions.kubeobj import includes, keys_of
from fleet.dataclass import dataclass
from fleet.kinds.registry import kind_of

_OPPOSITE = {"on": "off", "true": "false", "yes": "no", "enabled": "disabled", "active": "inactive", "1": "0"}
_LONGEST = 63
"""Characters of a label's value."""


@dataclass(frozen=True, slots=True)
class TrafficSource:
    """A sender of requests to the pods that it selects: a Service, or an InferencePool."""

    kind: str
    name: str
    selector: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class DrainStrategy:
    """The way in which one pod leaves service. JSON values only: it is recorded with the plan."""

    method: Method
    why: str
    """The reason for this method, in words."""
    before: dict[str, str] = field(default_factory=dict)
    """The labels that are changed, as they are now."""
    labels: dict[str, str] = field(default_factory=dict)
    """Label → the value that takes it out of service."""
    release: dict[str, str] = field(default_factory=dict)
    """Label → the value by which its ReplicaSet first releases it, while it still serves; empty if there is none."""
    services: tuple[str, ...] = ()
    """Services whose endpoints it leaves."""
    kept: tuple[str, ...] = ()
    """Senders that go on sending requests to it, in words."""
    unseen: tuple[str, ...] = ()
    """Kinds of senders that may not be listed, such as ``Services``: one of them may select it."""
    waits: bool = False
    """True if its requests are waited for before it is evicted."""

    @property
    def orphaned(self) -> bool:
        """True if no controller owns it afterwards, so that only this action ends it."""
        return self.method is Method.ORPHAN

    @property
    def changed(self) -> dict[str, str]:
        """All labels that are changed, with their new values."""
        return self.release | self.labels


def choose(
    labels: Mapping[str, str],
    owner: tuple[str, Mapping[str, Any]] | None,
    sources: Iterable[TrafficSource],
    *,
    wanted: Method = Method.AUTO,
    first: bool = False,
    idle: str = "",
    unseen: Sequence[str] = (),
) -> DrainStrategy:
    """Return the way for a pod with these labels.

    ``owner`` is the kind of its controller and that one's LabelSelector; ``first`` requests a replacement before the
    pod leaves; ``idle`` says why there are no requests to wait for, empty if there may be some; ``unseen``: senders
    that may select it but may not be listed.
    """
    found = _choose(labels, owner, sources, wanted=wanted, first=first, idle=idle, unseen=unseen)
    return replace(found, unseen=tuple(unseen))


def _choose(
    labels: Mapping[str, str],
    owner: tuple[str, Mapping[str, Any]] | None,
    sources: Iterable[TrafficSource],
    *,
    wanted: Method,
    first: bool,
    idle: str,
    unseen: Sequence[str],
) -> DrainStrategy:
    sources = [source for source in sources if source.selector]
    selecting = [source for source in sources if includes(source.selector, labels)]
    taken = frozenset(item for source in sources for item in source.selector.items())
    if wanted is Method.EVICT:
        return _evicted("as requested", selecting)
    if wanted is Method.AUTO and idle:
        return _evicted(idle, selecting)
    if wanted is Method.AUTO and not selecting:
        why = "no Service selects it: it is already out of service, or its requests arrive another way"
        if unseen:
            why = f"which {_join_keys(unseen)} select it is not known"
        return replace(_evicted(why, selecting), waits=True)
    kind, selector = owner or ("", {})
    owned = keys_of(selector)
    orphaning = _orphaned(labels, owned, selecting, taken, first=first) if kind_of(kind).lets_go else None
    labelled = _labelled(labels, owned, selecting, taken)
    if wanted is Method.ORPHAN:
        return orphaning or _evicted(f"{_pod_of(kind)} cannot be orphaned", selecting)
    if wanted is Method.LABEL:
        return labelled or _evicted("no label that only a Service selects takes it out of service", selecting)
    if orphaning is not None and orphaning.release:
        return orphaning
    for strategy in (labelled, orphaning):
        if strategy is not None and not strategy.kept:
            return strategy
    fallback = labelled or orphaning
    return fallback or _evicted(f"{_pod_of(kind)} has no label that only a Service selects", selecting)


def unselected_value(key: str, value: str, taken: AbstractSet[tuple[str, str]] = frozenset()) -> str:
    """Return a label value that deselects the pod for this selector, and matches no selector that uses ``taken``."""
    opposite = _OPPOSITE.get(value, "")
    if opposite and (key, opposite) not in taken:
        return opposite
    return f"{value[: _LONGEST - len('-drained')]}-drained"


def _labelled(
    labels: Mapping[str, str],
    owned: frozenset[str],
    selecting: Sequence[TrafficSource],
    taken: AbstractSet[tuple[str, str]],
) -> DrainStrategy | None:
    keys, kept = _cover(selecting, lambda source: set(source.selector) - owned)
    if not keys:
        return None
    what = "it stays in its workload, and no replacement starts" if owned else "nothing else selects by it"
    why = f"only the Service selects by {_join_keys(keys)}: {what}"
    return _strategy(DrainStrategy(Method.LABEL, why), labels, keys, (), selecting, kept, taken)


def _orphaned(
    labels: Mapping[str, str],
    owned: frozenset[str],
    selecting: Sequence[TrafficSource],
    taken: AbstractSet[tuple[str, str]],
    *,
    first: bool,
) -> DrainStrategy | None:
    in_front = {key for source in selecting for key in source.selector}
    own = sorted(key for key in owned - in_front if key in labels)
    if first and own:
        # Once it is released, any label of the selector will do: nothing else uses them.
        keys, kept = _cover(selecting, lambda source: set(source.selector))
        why = f"its ReplicaSet releases it by {own[-1]} and starts a replacement while it still serves"
        return _strategy(DrainStrategy(Method.ORPHAN, why), labels, keys, (own[-1],), selecting, kept, taken)
    keys, kept = _cover(selecting, lambda source: set(source.selector) & owned or set(source.selector))
    if not set(keys) & owned:
        if not own:
            return None
        keys = [*keys, own[-1]]
    why = (
        f"its ReplicaSet selects by {_join_keys(sorted(set(keys) & owned))} too: it releases the pod and starts another"
    )
    return _strategy(DrainStrategy(Method.ORPHAN, why), labels, keys, (), selecting, kept, taken)


def _cover(
    selecting: Sequence[TrafficSource], allowed: Callable[[TrafficSource], AbstractSet[str]]
) -> tuple[list[str], list[TrafficSource]]:
    """Return the fewest labels that leave all selectors, and the selectors that no allowed label leaves."""
    left = [source for source in selecting if allowed(source)]
    kept = [source for source in selecting if not allowed(source)]
    keys: list[str] = []
    while left:
        candidates = sorted({key for source in left for key in allowed(source)})
        best = max(candidates, key=lambda key: sum(key in allowed(source) for source in left))
        keys.append(best)
        left = [source for source in left if best not in source.selector]
        kept = [source for source in kept if best not in source.selector]
    return keys, kept


def _strategy(
    strategy: DrainStrategy,
    labels: Mapping[str, str],
    keys: Sequence[str],
    release: Sequence[str],
    selecting: Sequence[TrafficSource],
    kept: Sequence[TrafficSource],
    taken: AbstractSet[tuple[str, str]],
) -> DrainStrategy:
    return replace(
        strategy,
        before={key: labels[key] for key in (*release, *keys)},
        labels={key: unselected_value(key, labels[key], taken) for key in keys},
        release={key: unselected_value(key, labels[key]) for key in release},
        services=tuple(f.name for f in selecting if f.kind == "Service" and f not in kept),
        kept=tuple(str(source) for source in kept),
        waits=True,
    )


def _evicted(why: str, selecting: Sequence[TrafficSource]) -> DrainStrategy:
    return DrainStrategy(
        Method.EVICT, why, services=tuple(source.name for source in selecting if source.kind == "Service")
    )


def _pod_of(kind: str) -> str:
    return f"a pod of a {kind}" if kind else "a pod without a controller"


def _join_keys(keys: Sequence[str]) -> str:
    return " and ".join(keys)
