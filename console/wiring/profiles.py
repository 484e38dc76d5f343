"""Profiles of workloads, from the settings."""

from __future__ import annotations

from console.config.settings import DiagnosisSettings, ProfileSettings
from fleet.diagnosis.profiles import BUILT_IN, ProfileChoice, ProfileRule
from fleet.model.profile import Profile


def profile_choice(diagnosis: DiagnosisSettings) -> ProfileChoice:
    """Return the function that chooses a workload's profile."""
    made = {name: _profile(name, one) for name, one in diagnosis.profiles.items()}
    rules = [
        ProfileRule(made[name], one.namespaces, one.workloads, one.models) for name, one in diagnosis.profiles.items()
    ]
    return ProfileChoice({**BUILT_IN, **made}[diagnosis.profile], rules)


def _profile(name: str, settings: ProfileSettings) -> Profile:
    return Profile(name, {**BUILT_IN[settings.like].limits, **settings.limits})
