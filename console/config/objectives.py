"""The objectives from the settings."""

from __future__ import annotations

from console.config.settings import ObjectiveSettings, Promises
from fleet.objectives.objective import NAMES, Goals, Objective, ObjectiveSet, objective


def goals_of(settings: ObjectiveSettings) -> Goals:
    """Return the objectives of all models, and those of groups."""
    groups = (
        ObjectiveSet(name, objectives_of(one), one.models, one.workloads, one.namespaces)
        for name, one in settings.groups.items()
    )
    return Goals(objectives_of(settings), tuple(groups), settings.days, settings.defaults)


def objectives_of(promises: Promises) -> tuple[Objective, ...]:
    """Return the objectives that a table sets."""
    return tuple(objective(name, value) for name in NAMES if (value := getattr(promises, name)))
