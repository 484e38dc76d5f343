"""Alerts that began and ended, from the data of their sources: known to the time between two answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from fleet.model.alerts import Alert, Evaluated, Notified
from fleet.model.facts import Facts
from fleet.recorder.model_json import stamped
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.metrics.kube_state import alerted

_Firing: TypeAlias = Mapping[frozenset[tuple[str, str]], Alert]
_KINDS: Final = (Evaluated, Notified)


class AlertChanges:
    """Answers in the order of their times; remembers the last of each source."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, _Firing]] = {}

    def compare(self, facts: Facts) -> Iterator[Entry]:
        """Yield the alerts that began or ended between the last answer of their source and this one."""
        for source, dated in facts.by_source.items():
            if not isinstance(dated.value, _KINDS):
                continue
            firing = {frozenset(one.labels.items()): one for one in dated.value.alerts if one.firing}
            since, before = self._seen.get(source, (dated.at, firing))
            self._seen[source] = dated.at, firing
            since = min(since, dated.at)
            for labels in firing.keys() - before.keys():
                # It has held for at least its rule's duration, and fires no earlier than that.
                began = firing[labels].since or since
                yield _entry(firing[labels], source, min(max(since, began), dated.at), dated.at, fires=True)
            for labels in before.keys() - firing.keys():
                yield _entry(before[labels], source, since, dated.at, fires=False)


def _entry(alert: Alert, source: str, since: float, at: float, *, fires: bool) -> Entry:
    what = f"alert {alert.name} {'fires' if fires else 'ended'}"
    words = ("not firing", "firing") if fires else ("firing", "not firing")
    value = f"{words[0]} by {stamped(since)} UTC, {words[1]} at {stamped(at)}"
    weight = Weight.BAD if fires else Weight.GOOD
    evidence = Evidence(f"{source} as the console heard it", value)
    return Entry(since, at - since, EntryKind.CONDITION, what, alerted(alert.labels), (evidence,), weight=weight)
