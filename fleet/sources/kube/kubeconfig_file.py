"""One kubeconfig file: read, parsed, and type-checked. kubeconfig.py interprets the fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from fleet.files import SETTINGS_LIMIT, read_text
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig_fields import CLUSTER, CONTEXT, TOP, USER, Field

DEPTH: Final = 64
"""Mappings and lists in each other: a kubeconfig has seven, its extensions a few more."""
VALUES: Final = 500_000
"""Largest number of values in one file, counting aliases each time they are used: a few lines of them can expand to
billions.
"""
KEPT: Final = 8
"""Files whose last text is kept with what it says: KUBECONFIG may list a few."""

_SECTIONS: Final[Mapping[str, tuple[str, Field]]] = {
    "clusters": ("cluster", CLUSTER),
    "users": ("user", USER),
    "contexts": ("context", CONTEXT),
}


class Document(NamedTuple):
    """The definitions in a file: settings by name, of checked types."""

    current: str
    clusters: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]
    contexts: Mapping[str, Mapping[str, Any]]


def read_document(file: Path) -> Document:
    """Read one file.

    Raises :class:`KubeconfigError` if it cannot be read or parsed, or a field anywhere in it has another type than
    kubectl accepts.
    """
    try:
        text = read_text(file, SETTINGS_LIMIT)
    except OSError as error:
        raise KubeconfigError(f"cannot read {file}: {error.strerror}", "Check the path, its owner and mode.") from error
    except UnicodeDecodeError as error:
        raise KubeconfigError(f"{file} is not text: {error.reason}", "Write the file again, as YAML.") from error
    return _document(file, text)


@lru_cache(maxsize=KEPT)
def _document(file: Path, text: str) -> Document:
    """Return the definitions in a text, which is parsed once: at the start, contexts and access are read from it."""
    document = _parsed(file, text)
    top = TOP(document, str(file))
    if top.get("kind") not in (None, "", "Config") or top.get("apiVersion") not in (None, "", "v1"):
        raise KubeconfigError(
            f"{file} is a {top.get('kind', 'Config')} of {top.get('apiVersion', 'v1')}, not a Config of v1",
            "Name a kubeconfig with --kubeconfig or KUBECONFIG.",
        )
    sections = {plural: _section(document, plural, file) for plural in _SECTIONS}
    return Document(top.get("current-context", ""), sections["clusters"], sections["users"], sections["contexts"])


def _section(document: Mapping[str, Any], plural: str, file: Path) -> dict[str, Mapping[str, Any]]:
    """The named entries of one list; the first of a name counts."""
    listed = document.get(plural)
    if listed is None:
        return {}
    if not isinstance(listed, list):
        raise KubeconfigError(f"{file}: {plural} is not a list", "Fix the file.")
    singular, check = _SECTIONS[plural]
    entries: dict[str, Mapping[str, Any]] = {}
    for number, item in enumerate(listed):
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            raise KubeconfigError(f"{file}: {plural}[{number}] has no name", "Fix the file: a name is text in quotes.")
        settings = item.get(singular)
        entries.setdefault(name, check({} if settings is None else settings, f"{singular} {name!r} in {file}"))
    return entries


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader, and safe as that
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise KubeconfigError(
            f"{file}{line}: not valid YAML: {what}", "Fix the file: it may be half-written."
        ) from error
    except RecursionError:
        raise _too_deep(file) from None
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
        # An explicit tag on a value of another type (`!!int x`), or a number of thousands of digits.
        raise KubeconfigError(f"{file}: a value does not match its YAML tag", "Fix the file.") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KubeconfigError(f"{file}: not a mapping but a {type(document).__name__}", "Fix the file.")
    plain: dict[str, Any] = _Plain(file).plain(document, 0)
    return plain


class _Plain:
    """Converts YAML types to JSON types: kubectl does that before it reads a field."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._left = VALUES

    def plain(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if depth > DEPTH:
            raise _too_deep(self._file)
        if self._left < 0:
            raise KubeconfigError(
                f"{self._file}: its YAML aliases expand to more than {VALUES} values", "Write it without them."
            )
        if isinstance(value, dict):
            return {
                key if isinstance(key, str) else str(key): self.plain(item, depth + 1) for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.plain(item, depth + 1) for item in value]
        if value is None or isinstance(value, str | bool | int | float):
            return value
        raise KubeconfigError(
            f"{self._file}: a value is a {type(value).__name__} (of a YAML tag), which a kubeconfig cannot have",
            "Write it as text.",
        )


def _too_deep(file: Path) -> KubeconfigError:
    return KubeconfigError(
        f"{file}: nested more than {DEPTH} levels deep, which is too deep for a kubeconfig", "Fix the file."
    )


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of the YAML that kubectl uses: ``y`` and ``n`` are booleans, a date is text."""

    bool_values = yaml.SafeLoader.bool_values | {"y": True, "n": False}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:y|Y|n|N)$"), list("yYnN"))
