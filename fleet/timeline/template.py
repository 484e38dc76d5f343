"""Differences between two pod templates, in lines for a reader: image, arguments, variables, resources …

Values go through ``clean`` before they are shown. If only hidden values differ, the line says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fleet.json_fields import Raw, mapping, mappings, mappings_in, text, texts
from fleet.model.objects import TEMPLATE_HASH
from fleet.sources.kube.project.model_version import command_words

Clean = Callable[[Any], Any]
"""A JSON value without the secrets in it."""

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation that `kubectl rollout restart` writes, and every tool that restarts as it does."""
_MOST_OTHERS = 6
"""Paths that are named; the rest are counted."""
_LONGEST = 80
"""Characters of one value."""
_SPOKEN_OF = frozenset({"image", "command", "args", "env", "resources"})
"""Fields of a container that have their own lines."""


def template_changes(before: Raw, after: Raw, clean: Clean) -> tuple[str, ...]:
    """A line for each thing that differs; none where both run the same."""
    one, other = _bare(before), _bare(after)
    found = [*_containers(one, other, clean), *_restart(one, other), *_other_differences(one, other, clean)]
    return tuple(found)


def _bare(template: Raw) -> dict[str, Any]:
    """Return a template without its controller's additions."""
    metadata = mapping(template, "metadata")
    labels = {key: value for key, value in mapping(metadata, "labels").items() if key != TEMPLATE_HASH}
    kept = {key: value for key, value in metadata.items() if value and key != "labels"}
    return {"metadata": kept | ({"labels": labels} if labels else {}), "spec": dict(mapping(template, "spec"))}


def _containers(before: Raw, after: Raw, clean: Clean) -> Iterator[str]:
    for key in ("initContainers", "containers"):
        old, new = (_containers_by_name(mapping(template, "spec"), key) for template in (before, after))
        several = len(old.keys() | new.keys()) > 1 or key == "initContainers"
        for name in dict.fromkeys([*old, *new]):
            where = f"{name}: " if several else ""
            if name not in new:
                yield f"container {name} is gone"
            elif name not in old:
                yield f"container {name} is new: {_shorten(text(new[name], 'image'))}"
            else:
                yield from (where + line for line in _container(old[name], new[name], clean))


def _containers_by_name(spec: Raw, key: str) -> dict[str, Raw]:
    return {text(container, "name"): container for container in mappings(spec, key)}


def _container(before: Raw, after: Raw, clean: Clean) -> Iterator[str]:
    if text(before, "image") != text(after, "image"):
        yield f"image {_shorten(text(before, 'image'))} → {_shorten(text(after, 'image'))}"
    yield from _arguments(_words(before), _words(after), clean)
    yield from _variables(before, after)
    yield from _resources(before, after)


def _words(container: Raw) -> list[str]:
    return command_words(texts(container, "command"), texts(container, "args"))


def _arguments(before: Sequence[str], after: Sequence[str], clean: Clean) -> Iterator[str]:
    """Flag by flag; the words that are none, as one."""
    if before == after:
        return
    old, new = _flags(before), _flags(after)
    shown_old, shown_new = _flags(clean(list(before))), _flags(clean(list(after)))
    yielded = False
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) == new.get(name):
            continue
        yielded = True
        one, other = (_shorten(" ".join(shown.get(name, ()))) for shown in (shown_old, shown_new))
        if name not in new:
            yield f"{name or 'words'} {one} is gone".replace("  ", " ")
        elif name not in old:
            yield f"{name or 'words'} {other} is new".replace("  ", " ")
        elif one == other:
            yield f"{name or 'words'}: a hidden value changed"
        else:
            yield f"{name or 'words'} {one or '(none)'} → {other or '(none)'}"
    if not yielded:
        yield "arguments in a different order or spelling"


def _flags(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return flag → the words after it; words before the first flag are under an empty name."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for word in words:
        flag, equals, value = word.partition("=")
        if word.startswith("-") and len(word) > 1 and not word[1:2].isdigit():
            name = flag.replace("_", "-") if flag.startswith("--") else flag
            found[name] = (*found.get(name, ()), *((value,) if equals else ()))
        else:
            found[name] = (*found.get(name, ()), word)
    return found


def _variables(before: Raw, after: Raw) -> Iterator[str]:
    """Yield differences by name alone: a value may be anything."""
    old, new = ({text(v, "name"): v for v in mappings(container, "env")} for container in (before, after))
    for words, names in (
        ("is new", new.keys() - old.keys()),
        ("is gone", old.keys() - new.keys()),
        ("has a different value", {name for name in old.keys() & new.keys() if old[name] != new[name]}),
    ):
        for name in sorted(names):
            yield f"variable {name} {words}"


def _resources(before: Raw, after: Raw) -> Iterator[str]:
    for part, called in (("limits", "limit"), ("requests", "request")):
        old, new = (mapping(mapping(container, "resources"), part) for container in (before, after))
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                yield f"{called} of {name} {old.get(name, 'none')} → {new.get(name, 'none')}"


def _restart(before: Raw, after: Raw) -> Iterator[str]:
    one, other = (
        text(mapping(mapping(template, "metadata"), "annotations"), RESTARTED) for template in (before, after)
    )
    if other and one != other:
        yield f"restart asked for at {_shorten(other)}"


def _other_differences(before: Raw, after: Raw, clean: Clean) -> Iterator[str]:
    """Yield all other differences, by path; values only if they are short."""
    paths = list(_paths(_unrestarted(before), _unrestarted(after), ""))
    for path, one, other in paths[:_MOST_OTHERS]:
        shown = [_value(path, value, clean) for value in (one, other)]
        yield f"{path} {shown[0]} → {shown[1]}" if all(shown) and shown[0] != shown[1] else f"{path} differs"
    if len(paths) > _MOST_OTHERS:
        yield f"{len(paths) - _MOST_OTHERS} more fields differ"


def _unrestarted(template: Raw) -> dict[str, Any]:
    metadata = mapping(template, "metadata")
    annotations = {key: value for key, value in mapping(metadata, "annotations").items() if key != RESTARTED}
    return {**template, "metadata": {**metadata, "annotations": annotations, "labels": mapping(metadata, "labels")}}


def _value(path: str, value: Any, clean: Clean) -> str:
    """A value in a few words; empty if it cannot be shown like that."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    name = path.rpartition(".")[2]
    cleaned = clean({name: value})
    shown = next(iter(cleaned.values()), None) if isinstance(cleaned, dict) else None
    return _shorten(shown) if isinstance(shown, str) else ""


def _paths(before: Any, after: Any, at: str) -> Iterator[tuple[str, Any, Any]]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            below = f"{at}.{key}" if at else str(key)
            yield from _paths(before.get(key), after.get(key), below)
    elif at in {"spec.containers", "spec.initContainers"}:
        old, new = ({text(c, "name"): c for c in mappings_in(value)} for value in (before, after))
        for name in dict.fromkeys([*old, *new]):
            if name in old and name in new:
                rest = [{k: v for k, v in c.items() if k not in _SPOKEN_OF} for c in (old[name], new[name])]
                yield from _paths(rest[0], rest[1], f"{name}")
    else:
        yield at, before, after


def _shorten(value: str) -> str:
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
