"""Rules beyond types: ranges, keys that require each other, keys that exclude each other."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, get_args
from urllib.parse import urlsplit

from console.config.fields import EndpointSettings, FromEnvironment
from console.config.local_settings import LocalSettings
from console.config.settings import (
    DiagnosisSettings,
    FreezeSettings,
    ObjectiveSettings,
    ProfileName,
    Promises,
    ScrapeSettings,
    Settings,
    UiSettings,
    sections_of,
)
from console.config.ui_tables import BuiltInTheme
from fleet.files import SECRET_LIMIT, check_file
from fleet.local.names import is_name
from fleet.net.headers import sendable

Where = tuple[str, ...]
CheckKeys = Callable[[Mapping[str, str]], Iterable[str]]
"""Returns the faults of a remapping (command id → keys), a sentence each, from the table of commands."""

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A field name (RFC 9110, "token")."""


def check(settings: Settings, check_keys: CheckKeys) -> Iterator[tuple[Where, str, str]]:
    """Yield (key, problem, remedy) for every setting that cannot work."""
    for name in sections_of(type(settings)):
        section = getattr(settings, name)
        for field in fields(section):
            yield from _range((name, field.name), getattr(section, field.name), field.metadata)
    for where, endpoint in endpoints(settings):
        yield from _endpoint(where, endpoint)
    yield from _scrape(settings.scrape)
    yield from _presets(settings.local)
    yield from _views(settings.ui)
    yield from _themes(settings.ui)
    yield from _profiles(settings.diagnosis)
    yield from _groups(settings.objectives)
    for where, what, remedy in check_freezes(settings.actions.freezes):
        yield ("actions", *where), what, remedy
    if settings.keys:
        yield from _keys(settings.keys, check_keys)
    try:
        re.compile(settings.actions.reason_pattern)
    except re.error as error:
        yield ("actions", "reason_pattern"), f"this is not a regular expression: {error}", ""
    if not settings.scrape.path.startswith("/"):
        yield ("scrape", "path"), "the path must begin with /", ""


def check_references(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[Where, str, str]]:
    """Yield the same for outside references: unreadable files, unset environment variables."""
    tables_of = [((name,), getattr(settings, name)) for name in sections_of(type(settings))]
    named = ((where, endpoint) for where, endpoint in endpoints(settings) if len(where) > 1)
    for where, table in (*tables_of, *named):
        for field in fields(table):
            value = getattr(table, field.name)
            if field.metadata["path"] and value and field.name != "kubeconfig":
                try:
                    check_file(value, sys.maxsize if field.metadata["program"] else SECRET_LIMIT)
                except OSError as error:
                    yield (*where, field.name), f"{value}: {error.strerror}", "Correct the path, or make it readable."
            elif field.name.endswith("_env") and value and not environ.get(value):
                yield (*where, field.name), f"the environment variable {value} is not set", f"export {value}=…"
    tables: dict[Where, Mapping[str, str | FromEnvironment]] = {
        (*where, "headers"): endpoint.headers for where, endpoint in endpoints(settings)
    }
    for name, preset in settings.local.presets.items():
        tables["local", "presets", name, "env"] = preset.env
    for above, table in tables.items():
        for key, value in table.items():
            if isinstance(value, FromEnvironment) and not environ.get(value.env):
                yield (*above, key), f"the environment variable {value.env} is not set", f"export {value.env}=…"


def _range(where: Where, value: Any, metadata: Any) -> Iterator[tuple[Where, str, str]]:
    low, high = metadata["minimum"], metadata["maximum"]
    if low is None:
        return
    for number in value if isinstance(value, tuple) else (value,):
        if not low <= number <= high:
            yield where, f"{number:g} is out of range", f"It must be from {low:g} to {high:g}."


def _presets(local: LocalSettings) -> Iterator[tuple[Where, str, str]]:
    for name, preset in local.presets.items():
        above = ("local", "presets", name)
        if not is_name(name):
            remedy = "It becomes the server's name: letters, digits, dots and dashes, 63 at most."
            yield above, f'"{name}" cannot be the name of a server', remedy
        if not preset.model:
            yield above, "it names no model", 'Set model = "org/name", or a folder.'
        for field in fields(preset):
            yield from _range((*above, field.name), getattr(preset, field.name), field.metadata)


def _views(ui: UiSettings) -> Iterator[tuple[Where, str, str]]:
    for name in ui.views:
        if not is_name(name):
            remedy = "It is typed after :view: letters, digits, dots and dashes, 63 at most."
            yield ("ui", "views", name), f'"{name}" cannot be the name of a view', remedy
    if ui.view and ui.view not in ui.views:
        there = f"There are {', '.join(ui.views)}." if ui.views else "None is saved: `:view save NAME` saves one."
        yield ("ui", "view"), f'there is no view "{ui.view}"', there


_ONE_MORE = "A table [ui.themes.NAME] adds one."


def _themes(ui: UiSettings) -> Iterator[tuple[Where, str, str]]:
    names = ("auto", *get_args(BuiltInTheme))
    if ui.theme not in (*names, *ui.themes):
        yield ("ui", "theme"), f'"{ui.theme}" is not one of {", ".join(map(repr, (*names, *ui.themes)))}', _ONE_MORE
    if not ui.themes:
        return
    # Not imported before the first text unless a theme is configured.
    from themes.own import faults

    for name, theme in ui.themes.items():
        above = ("ui", "themes", name)
        if name in names or not is_name(name):
            yield (
                above,
                f'"{name}" cannot be the name of a theme',
                "It is typed after :theme, and must not be a built-in theme's.",
            )
        for role, what, remedy in faults(theme.styles):
            yield (*above, "styles", role), what, remedy


def doubts(settings: Settings) -> Iterator[tuple[Where, str, str]]:
    """(key, what is doubtful, remedy) of what can be used, and may not be what was meant."""
    if settings.ui.themes:
        from themes.own import doubts as of_theme

        for name, theme in settings.ui.themes.items():
            for role, what in of_theme(name, theme.like, theme.styles):
                yield ("ui", "themes", name, "styles", role), f"{what}: it is hardly legible", "3:1 is legible."


def _groups(objectives: ObjectiveSettings) -> Iterator[tuple[Where, str, str]]:
    for name, group in objectives.groups.items():
        above = ("objectives", "groups", name)
        names = [field.name for field in fields(Promises)]
        if not any(getattr(group, name) for name in names):
            yield above, "it sets no objective", f"Set one of {', '.join(names)}."
        for field in fields(group):
            yield from _range((*above, field.name), getattr(group, field.name), field.metadata)


def check_freezes(freezes: Mapping[str, FreezeSettings]) -> Iterator[tuple[Where, str, str]]:
    """Yield windows that never occur, or whose times are ambiguous."""
    if not freezes:
        return
    # Time zones are loaded only if one is named.
    from actions.planning.freeze import FreezeWindow

    for name, one in freezes.items():
        window = FreezeWindow(name, one.begins, one.ends, one.days, one.zone, one.lasts)
        remedy = 'For example begins = "16:00", ends = "08:00", days = ["fri"], lasts = 3, zone = "Europe/Berlin".'
        yield from ((("freezes", name), fault, remedy) for fault in window.faults())
        for field in fields(one):
            yield from _range(("freezes", name, field.name), getattr(one, field.name), field.metadata)


def _profiles(diagnosis: DiagnosisSettings) -> Iterator[tuple[Where, str, str]]:
    """Yield profiles that apply to nothing, and limits on unknown names."""
    names = (*get_args(ProfileName), *diagnosis.profiles)
    if diagnosis.profile not in names:
        yield (
            ("diagnosis", "profile"),
            f'there is no profile "{diagnosis.profile}"',
            f"It is one of {', '.join(names)}.",
        )
    if not diagnosis.profiles:
        return
    # Only imported if configured: the first text does not wait for it.
    from fleet.diagnosis.thresholds import NAMES

    for name, profile in diagnosis.profiles.items():
        where = ("diagnosis", "profiles", name)
        chosen = profile.namespaces or profile.workloads or profile.models
        if not chosen and diagnosis.profile != name:
            yield where, "it matches no workload", "Set namespaces, workloads or models."
        for limit, value in profile.limits.items():
            if limit not in NAMES:
                yield (*where, "limits"), f'there is no threshold "{limit}"', f"It is one of {', '.join(NAMES)}."
            elif not 0 < value < 1e9:
                yield (*where, "limits"), f"{limit} = {value:g} is out of range", "It must be above 0."


def _keys(keys: Mapping[str, str], check_keys: CheckKeys) -> Iterator[tuple[Where, str, str]]:
    """Yield the problems of a remapping, each at the first key that it names."""
    for problem in check_keys(keys):
        where = next((name for name in keys if name in problem), "")
        yield ("keys", where), problem, ""


def endpoints(settings: Settings) -> Iterator[tuple[Where, EndpointSettings]]:
    """Yield every HTTP endpoint with its own credentials, by its table."""
    for name in sections_of(type(settings)):
        section = getattr(settings, name)
        if not isinstance(section, EndpointSettings):
            continue
        yield (name,), section
        for table in ("contexts", "also"):
            for key, endpoint in getattr(section, table, {}).items():
                yield (name, table, key), endpoint


def _endpoint(where: Where, p: EndpointSettings) -> Iterator[tuple[Where, str, str]]:
    def at(name: str) -> Where:
        return (*where, name)

    if len(where) > 1:
        named = where[1] == "also"
        if named and not is_name(where[-1]):
            yield where, f'"{where[-1]}" cannot be a name here', "Letters, digits, dots and dashes, 63 at most."
        if named and not p.url:
            yield where, "it has no URL to query", "Set its url."
        for field in fields(p):
            yield from _range(at(field.name), getattr(p, field.name), field.metadata)
    if p.url:
        yield from _url(at("url"), p.url)
    yield from _headers(at("headers"), p.headers)
    for one, other in (
        ("bearer_token_file", "bearer_token_env"),
        ("password_file", "password_env"),
        ("bearer_token_file", "username"),
        ("bearer_token_env", "username"),
    ):
        if getattr(p, one) and getattr(p, other):
            yield at(other), f"{one} and {other} exclude each other", "Keep one of them."
    password = "password_file" if p.password_file else "password_env" if p.password_env else ""
    if password and not p.username:
        yield at(password), "a password without a username", "Set username."
    if p.username and not password:
        yield at("username"), "a username without a password", "Set password_file or password_env."
    if p.key_file and not p.cert_file:
        yield at("key_file"), "a key without a certificate", "Set cert_file."


def _scrape(s: ScrapeSettings) -> Iterator[tuple[Where, str, str]]:
    """Yield tokens that would reach no recipient, or could be read on the way."""
    if s.bearer_token_file and not s.bearer_namespaces:
        yield (
            ("scrape", "bearer_token_file"),
            "a token without namespaces",
            "Name them in bearer_namespaces.",
        )
    if s.bearer_namespaces and not s.bearer_token_file:
        yield ("scrape", "bearer_namespaces"), "namespaces without a token", "Set bearer_token_file."
    if s.bearer_token_file and not s.ca_file and not s.bearer_cleartext:
        remedy = "Set ca_file, or bearer_cleartext = true where the network is trusted."
        yield ("scrape", "bearer_token_file"), "the token would be sent over unverified connections", remedy


def _headers(where: Where, headers: Mapping[str, str | FromEnvironment]) -> Iterator[tuple[Where, str, str]]:
    """Names as RFC 9110 has them; no message repeats a value, which may be a secret."""
    for number, (name, value) in enumerate(headers.items(), start=1):
        if not _HEADER.fullmatch(name):
            shown = name if name.isprintable() and name else f"number {number}"
            yield (
                where,
                f"header {shown}: not a valid header name: letters, digits and dashes",
                'As in headers = { "X-Scope-OrgID" = "team" }.',
            )
        if isinstance(value, str) and not sendable(value):
            what = "its value contains a line break, a control character, or a character outside Latin-1"
            yield where, f"header {name!r}: {what}", "It cannot be sent in a request."


def _url(where: Where, url: str) -> Iterator[tuple[Where, str, str]]:
    """Yield the faults of a URL. Never repeats a URL that may contain a password."""
    if any(character <= " " or character == "\x7f" for character in url):
        yield where, "this is not a URL: it has blanks or control characters in it", "Correct it."
        return
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        yield where, "this is not a URL", "Example: http://prometheus.monitoring:9090"
        return
    if parts.username or parts.password:
        yield where, "credentials do not belong in the URL", "Set username and password_file or password_env instead."
    elif parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok:
        yield where, f'"{url}" is not an http:// or https:// URL', "Example: http://prometheus.monitoring:9090"
