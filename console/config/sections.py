"""The tables of the configuration by name, and their values in a context of the kubeconfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, get_args, get_origin, get_type_hints

from console.config.fields import EndpointSettings
from console.config.local_settings import Preset
from console.config.settings import (
    ContextPrometheusSettings,
    FreezeSettings,
    MorePrometheusSettings,
    ObjectiveGroup,
    ProfileSettings,
    PrometheusSettings,
    Settings,
    sections_of,
)
from console.config.ui_tables import OwnTheme, SavedView

SECTIONS: Mapping[str, type] = sections_of(Settings)
"""The tables that no source declares itself (``console.config.sources``)."""
NAMED: dict[tuple[str, str], type] = {
    ("prometheus", "contexts"): ContextPrometheusSettings,
    ("alertmanager", "contexts"): EndpointSettings,
    ("rules", "contexts"): EndpointSettings,
    ("prometheus", "also"): MorePrometheusSettings,
    ("alertmanager", "also"): EndpointSettings,
    ("rules", "also"): EndpointSettings,
    ("local", "presets"): Preset,
    ("diagnosis", "profiles"): ProfileSettings,
    ("objectives", "groups"): ObjectiveGroup,
    ("actions", "freezes"): FreezeSettings,
    ("ui", "views"): SavedView,
    ("ui", "themes"): OwnTheme,
}
"""Tables of named tables: ``[local.presets.NAME]``."""


def named_of(cls: type) -> Mapping[tuple[str, str], type]:
    """Return these with the tables that sources declare: each field that maps names to tables."""
    sections = sections_of(cls) if issubclass(cls, Settings) else {}
    found = dict(NAMED)
    for name in sections.keys() - SECTIONS.keys():
        for field_name, kind in get_type_hints(sections[name]).items():
            if get_origin(kind) is Mapping and is_dataclass(table := get_args(kind)[1]) and isinstance(table, type):
                found[name, field_name] = table
    return found


def per_context(settings: Settings) -> dict[str, Any]:
    """The tables with tables for single contexts of the kubeconfig."""
    sections = ((name, getattr(settings, name)) for name in sections_of(type(settings)))
    return {name: section for name, section in sections if isinstance(getattr(section, "contexts", None), Mapping)}


def settings_in(settings: Settings, context: str) -> Settings:
    """Return the settings that apply in a context: a table with an entry for it consists of that entry alone.

    Nothing from the general table is sent there: its token is for another server.
    """
    changed: dict[str, Any] = {}
    for name, section in per_context(settings).items():
        own = section.contexts.get(context)
        if own is not None:
            changed[name] = replace(section, **{each.name: getattr(own, each.name) for each in fields(own)})
    if settings.prometheus.also:
        asked = changed.get("prometheus", settings.prometheus)
        changed["prometheus"] = replace(asked, also=_asked_in(context, settings.prometheus))
    return replace(settings, **changed) if changed else settings


def _asked_in(context: str, prometheus: PrometheusSettings) -> dict[str, MorePrometheusSettings]:
    """Return the further stores that are queried in a context."""
    is_alone = context in prometheus.contexts
    return {
        name: more
        for name, more in prometheus.also.items()
        if (any(fnmatchcase(context, pattern) for pattern in more.contexts) if more.contexts else not is_alone)
    }
