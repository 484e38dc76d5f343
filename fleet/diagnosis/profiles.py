"""The profile by which a workload is judged, chosen by its namespace, name or model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from fleet.dataclass import dataclass
from fleet.diagnosis.thresholds import THRESHOLDS
from fleet.model.differences import are_same
from fleet.model.objects import Workload
from fleet.model.profile import CHAT, Profile, WorkloadProfiles
from fleet.model.snapshot import Structure

BUILT_IN: Mapping[str, Profile] = {
    "chat": CHAT,
    "autocomplete": Profile(
        "autocomplete", {one.name: one.autocomplete for one in THRESHOLDS if one.autocomplete is not None}
    ),
    "batch": Profile("batch", {one.name: one.batch for one in THRESHOLDS if one.batch is not None}),
}
"""The profiles that there are without any configuration, by name."""


@dataclass(frozen=True, slots=True)
class ProfileRule:
    """The workloads that a profile applies to: those that match a pattern of every list that is not empty."""

    profile: Profile
    namespaces: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def is_for(self, workload: Workload, model: str) -> bool:
        """True if the rule applies; a rule without patterns never does."""
        asked = ((self.namespaces, workload.namespace), (self.workloads, workload.name), (self.models, model))
        return any(patterns for patterns, _ in asked) and all(
            not patterns or any(fnmatchcase(name, pattern) for pattern in patterns) for patterns, name in asked
        )


class ProfileChoice:
    """Chooses by the first rule that is for a workload; by the default where none is."""

    def __init__(self, default: Profile = CHAT, rules: Iterable[ProfileRule] = ()) -> None:
        self._rules = tuple(rules)
        self._chosen = WorkloadProfiles(default)
        self._of: tuple[object, ...] = ()

    def at(self, fleet: Structure) -> WorkloadProfiles:
        """The profiles of a fleet's workloads: the same object while they are the same."""
        of = (fleet.workloads, fleet.model_of, fleet.models)
        if self._rules and not are_same(self._of, of):
            self._of = of
            found = dict(self._found(fleet))
            if found != self._chosen.by_workload:
                self._chosen = WorkloadProfiles(self._chosen.default, found)
        return self._chosen

    def _found(self, fleet: Structure) -> Iterable[tuple[str, Profile]]:
        for key, workload in fleet.workloads.items():
            model = fleet.models.get(fleet.model_of.get(key, ""))
            name = model.name if model is not None else ""
            rule = next((rule for rule in self._rules if rule.is_for(workload, name)), None)
            if rule is not None:
                yield key, rule.profile
