"""Settings from the file, the environment, the flags and the site's policy: each value knows its origin."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import field, fields, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from console.config import constraints, paths
from console.config.file import is_there, text_of
from console.config.problem import ConfigError, Problem
from console.config.sections import named_of, per_context
from console.config.setting_names import PREFIX, Key, variable
from console.config.settings import Policy, Settings, sections_of
from console.config.sources import with_tables
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from console.config.validate import ConfigFault

CONFIG_VARIABLE = f"{PREFIX}CONFIG"
DEPTH = 16
"""Tables and lists in each other; the settings have four."""


class Flag(NamedTuple):
    """A setting given on the command line."""

    key: Key
    value: Any
    name: str
    """Name as it was typed: ``--refresh``."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings in effect and how they came about."""

    settings: Settings
    path: Path
    """The user's configuration file, whether it exists or not."""
    exists: bool
    origins: Mapping[Key, str] = field(default_factory=dict)
    """Places at which keys were set, unless at their defaults: ``file:line``, ``environment NAME``, ``--flag``."""
    warnings: tuple[Problem, ...] = ()
    policy: Policy = field(default_factory=Policy)
    """Policy of the site; the settings already include its effects on them."""

    def origin(self, key: Key) -> str:
        """Return where a key was set; ``default`` if nowhere."""
        return self.origins.get(key, "default")


@dataclass(slots=True)
class _Layer:
    """One source of settings, not yet validated."""

    document: dict[str, Any] = field(default_factory=dict)
    origins: dict[Key, str] = field(default_factory=dict)


def load(
    environ: Mapping[str, str],
    *,
    file: Path | None = None,
    flags: Iterable[Flag] = (),
    policy: Path = paths.SITE_POLICY,
    check_keys: constraints.CheckKeys = lambda _: (),
) -> Loaded:
    """Return the settings in effect: defaults < file < environment < flags < policy; ``read_only`` is only ever
    tightened.

    ``file`` is the one named on the command line; else QUARTERDECK_CONFIG, else the one under XDG config, which need
    not exist. ``check_keys`` returns what is wrong with a remapping of keys, if there is one. Raises ConfigError with
    every problem found.
    """
    path = chosen_file(environ, file)
    exists = file is not None or bool(environ.get(CONFIG_VARIABLE)) or is_there(path)
    layers = [_from_file(path)] if exists else []
    if any(name.startswith(PREFIX) for name in environ):
        layers.append(_from_environment(environ))
    settings, origins = _merge(layers)
    for flag in flags:
        settings = _set(settings, flag)
        origins[flag.key] = flag.name
    for name in per_context(settings):
        if exists and not origins.get((name, "url"), str(path)).startswith(str(path)):
            # Given for this start, regardless of the context.
            settings = replace(settings, **{name: replace(getattr(settings, name), contexts={})})
    settings, laid_down, warnings = _apply_policy(settings, origins, policy)
    _raise(origins, constraints.check(settings, check_keys))
    doubts = (
        Problem(_origin_of(origins, where), f"{dotted}: {what}", remedy)
        for where, what, remedy in constraints.doubts(settings)
        if (dotted := ".".join(where))
    )
    return Loaded(settings, path, exists, origins, (*warnings, *doubts), laid_down)


def chosen_file(environ: Mapping[str, str], file: Path | None) -> Path:
    """Return the file named by flag, else by QUARTERDECK_CONFIG, else the one under XDG config."""
    if file is not None:
        return file
    return Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else paths.config_file(environ)


def _from_file(path: Path) -> _Layer:
    document, origins = _read(path)
    every = with_tables(document.keys())
    for name, section in sections_of(every).items():
        _expand_paths(document.get(name), section, path.parent)
    for (name, inner), kind in named_of(every).items():
        above = document.get(name)
        tables = above.get(inner) if isinstance(above, dict) else None
        for table in tables.values() if isinstance(tables, dict) else ():
            _expand_paths(table, kind, path.parent)
    _expand_models(document.get("local"), path.parent)
    if isinstance(document.get("keys"), dict):
        # Names of commands contain dots, and TOML reads a bare `open.logs` as a nested table.
        document["keys"] = _flat(document["keys"])
        origins |= {("keys", ".".join(key[1:])): where for key, where in origins.items() if key[0] == "keys"}
    return _Layer(document, origins)


def _expand_paths(table: Any, section: type, base: Path) -> None:
    """The paths of one table, where it is one."""
    if isinstance(table, dict):
        for f in fields(section):
            if f.metadata["path"] and isinstance(table.get(f.name), str):
                table[f.name] = _expand(table[f.name], base)


def _expand_models(local: Any, base: Path) -> None:
    """Folders of presets' models; a name of the hub has a slash in it too, so a relative one begins with a dot."""
    presets = local.get("presets") if isinstance(local, dict) else None
    for preset in presets.values() if isinstance(presets, dict) else ():
        model = preset.get("model") if isinstance(preset, dict) else None
        if isinstance(model, str) and model.startswith(("./", "../", "~")):
            preset["model"] = str(base / Path(model).expanduser())


def _flat(table: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Return a table with nested tables flattened to dotted keys."""
    out: dict[str, Any] = {}
    for name, value in table.items():
        out |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return out


def _read(path: Path) -> tuple[dict[str, Any], dict[Key, str]]:
    """Return a TOML document and the position of each key in it."""
    import tomllib

    from console.config.line_numbers import locate

    text = text_of(path)
    try:
        document = tomllib.loads(text)
        deep = _depth(document) > DEPTH
        places = {} if deep else locate(text)
    except RecursionError:
        deep, document, places = True, {}, {}
    except ValueError as error:
        # TOML errors, and Python's error for a number of more than 4300 digits.
        raise ConfigError(_syntax(path, text, str(error))) from None
    if deep:
        raise ConfigError(Problem(str(path), "is nested too deeply", "No setting needs more than four levels."))
    return document, {key: f"{path}:{line}" for key, line in places.items()}


def _depth(document: Any) -> int:
    """Return the nesting depth of tables and lists. Not recursive, since the depth may exceed Python's limit."""
    deepest, level = 0, [document]
    while level:
        deepest += 1
        inner = (value.values() if isinstance(value, dict) else value for value in level)
        level = [item for items in inner for item in items if isinstance(item, dict | list)]
        if deepest > DEPTH:
            break
    return deepest


def _syntax(path: Path, text: str, message: str) -> Problem:
    what, _, place = message.partition(" (at ")
    at = re.match(r"line (\d+), column (\d+)", place)
    line = int(at[1]) if at else max(1, len(text.splitlines()))
    remedy = f"Look at column {at[2]}." if at else "The file ends too early."
    return Problem(f"{path}:{line}", f"not valid TOML: {what}", remedy)


def _expand(value: str, base: Path | None = None) -> str:
    """Expand ``~`` and, in a file, paths relative to that file's folder."""
    parts = (Path(part).expanduser() for part in value.split(os.pathsep) if part)
    return os.pathsep.join(str(base / part if base else part) for part in parts)


def _from_environment(environ: Mapping[str, str]) -> _Layer:
    from console.config.variables import parse

    layer = _Layer()
    problems: list[Problem] = []
    for key, value in parse(environ):
        where = f"environment {variable(key)}"
        if isinstance(value, str) and _metadata(key)["path"]:
            value = _expand(value)
        elif isinstance(value, ValueError):
            problems.append(Problem(where, str(value)))
            continue
        table = layer.document if len(key) == 1 else layer.document.setdefault(key[0], {})
        table[key[-1]] = value
        layer.origins[key] = where
    if problems:
        raise ConfigError(*problems)
    return layer


def _metadata(key: Key) -> Mapping[str, Any]:
    section = sections_of(with_tables(key[:1]))[key[0]] if len(key) > 1 else Settings
    return next(f.metadata for f in fields(section) if f.name == key[-1])


def _merge(layers: list[_Layer]) -> tuple[Settings, dict[Key, str]]:
    """Later layers over earlier ones, validated together."""
    document: dict[str, Any] = {}
    origins: dict[Key, str] = {}
    for layer in layers:
        for name, value in layer.document.items():
            if name == "read_only" and document.get(name) is True:
                continue
            below = document.get(name)
            document[name] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
            origins.update({key: where for key, where in layer.origins.items() if key[0] == name})
    if not document:
        return Settings(), origins
    from console.config.validate import validate

    result = validate(with_tables(document.keys()), document)
    if isinstance(result, Settings):
        return result, origins
    # The intended key may be in a table that is not set.
    everything = validate(with_tables(), document)
    raise _error(origins, result if isinstance(everything, Settings) else everything)


def from_flags(flags: Iterable[Flag]) -> Settings:
    """Return the defaults with the flags over them, for use if the configuration is invalid."""
    return reduce(_set, flags, Settings())


def _set(settings: Settings, flag: Flag) -> Settings:
    if len(flag.key) == 1:
        return replace(settings, **{flag.key[0]: flag.value})
    section = replace(getattr(settings, flag.key[0]), **{flag.key[1]: flag.value})
    return replace(settings, **{flag.key[0]: section})


def _apply_policy(
    settings: Settings, origins: dict[Key, str], path: Path
) -> tuple[Settings, Policy, tuple[Problem, ...]]:
    """A policy that cannot be understood locks: an auditor's machine must not open because of a typing error."""
    warnings: tuple[Problem, ...] = ()
    try:
        if not is_there(path):
            return settings, Policy(), ()
        policy, where = _read_policy(path)
    except ConfigError as error:
        policy, where = Policy(read_only=True), {}
        locked = Problem(str(path), "the site policy cannot be used, so this is read-only", "Ask its administrator.")
        warnings = (*error.problems, locked)
    if policy.read_only:
        settings = replace(settings, read_only=True)
        origins["read_only",] = where.get(("read_only",), str(path))
    if policy.production:
        production = tuple(dict.fromkeys(settings.cluster.production + policy.production))
        settings = replace(settings, cluster=replace(settings.cluster, production=production))
        origins["cluster", "production"] = where.get(("production",), str(path))
    if policy.freezes:
        freezes = {**settings.actions.freezes, **policy.freezes}
        settings = replace(settings, actions=replace(settings.actions, freezes=freezes))
    for name in ("require_reason", "reason_pattern", "audit_dir"):
        if value := getattr(policy, name):
            settings = replace(settings, actions=replace(settings.actions, **{name: value}))
            origins["actions", name] = where.get((name,), str(path))
    return settings, policy, warnings


def _read_policy(path: Path) -> tuple[Policy, dict[Key, str]]:
    from console.config.validate import validate

    document, origins = _read(path)
    if not document and not text_of(path).strip():
        raise ConfigError(Problem(str(path), "is empty", "It may have been cut off while it was written."))
    result = validate(Policy, document)
    if isinstance(result, Policy):
        faults = constraints.check_freezes(result.freezes)
        if wrong := [Problem(_origin_of(origins, where), what, remedy) for where, what, remedy in faults]:
            raise ConfigError(*wrong)
        return result, origins
    raise _error(origins, result)


def _error(origins: Mapping[Key, str], faults: Iterable[ConfigFault]) -> ConfigError:
    problems = [Problem(_origin_of(origins, f.path), f.what, f.remedy) for f in faults]
    return ConfigError(*sorted(problems, key=_place))


def _place(problem: Problem) -> tuple[str, int]:
    """Top to bottom in a file."""
    file, _, line = problem.where.rpartition(":")
    return file, int(line) if line.isdigit() else 0


def _raise(origins: Mapping[Key, str], found: Iterable[tuple[Key, str, str]]) -> None:
    problems = located(origins, found)
    if problems:
        raise ConfigError(*problems)


def located(origins: Mapping[Key, str], found: Iterable[tuple[Key, str, str]]) -> list[Problem]:
    """Return the findings of a rule as problems with their position."""
    problems = []
    for key, what, remedy in found:
        where = _origin_of(origins, key)
        # A flag is named by its position.
        name = "" if len(key) == 1 or where.startswith("-") else f"[{key[0]}] {'.'.join(key[1:])}: "
        problems.append(Problem(where, f"{name}{what}", remedy))
    return problems


def _origin_of(origins: Mapping[Key, str], path: Key) -> str:
    for depth in range(len(path), 0, -1):
        if path[:depth] in origins:
            return origins[path[:depth]]
    # A table is where the first of its values is.
    return next((where for key, where in origins.items() if key[: len(path)] == path), "default")
