"""The arguments of ``vllm serve`` as a user wrote them, split into those with a row in ``vllm_arguments`` and the rest.

The inverse of ``serve_arguments``, for every spelling that argparse and vLLM accept: ``--flag value``,
``--flag=value``, ``--flag_name``, ``-tp``, ``--no-…``, ``32K`` for a length, JSON values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fleet.local.spec import LaunchSpec, with_values
from fleet.local.vllm_arguments import ARGUMENTS, SWITCH, WORDS, VllmArgument

BY_FLAG: Final[Mapping[str, VllmArgument]] = {flag: each for each in ARGUMENTS for flag in each.spellings}
"""Every spelling of a flag → its argument."""
_SHORT: Final = {short: each.flag for each in ARGUMENTS for short in each.short}
_ONE_VALUE: Final = {"--model": ("model", str)} | {
    each.flag: (each.name, each.kind.read) for each in ARGUMENTS if each.kind not in (SWITCH, WORDS)
}
FIELDS: Final = frozenset(_ONE_VALUE)
"""The flags with one value that have a field, in their long form."""
_SWITCH: Final = re.compile(r"--(enable|disable|no|enforce|trust)-")
"""Prefixes of flags that take no value: a word after one is the model, if there is no other candidate."""
_BOOLEANS: Final = frozenset({"true", "false"})
_NUMBER: Final = re.compile(r"-\d+(\.\d+)?")


class FlagArgument(NamedTuple):
    """One flag with its values, or words without a flag (``flag`` empty)."""

    flag: str
    """Flag in one spelling: dashes, the long form of a short one."""
    values: tuple[str, ...]
    words: tuple[str, ...]
    """Values as they were written."""


class Parsed(NamedTuple):
    """The LaunchSpec of a command line, and the remaining arguments."""

    fields: dict[str, Any]
    """Name of the field → its value."""
    extra: tuple[str, ...]
    """The other arguments, as they were written and in their order."""


def parse_arguments(words: Sequence[str]) -> Parsed:
    """Parse the words after ``vllm serve``. A value that its field does not take (``auto`` for a length) stays in
    ``extra``.

    Never raises: invalid arguments are left for vLLM to reject.
    """
    fields: dict[str, Any] = {}
    extra: list[str] = []
    found = list(arguments_of(words))
    if not any(argument.flag in {"", "--model"} for argument in found):
        found = list(_model_named(found))
    for argument in found:
        if not argument.flag and "model" not in fields:
            (fields["model"],) = argument.values
        elif not _take(argument, fields):
            extra += argument.words
    return Parsed(fields, tuple(extra))


def lifted(spec: LaunchSpec) -> LaunchSpec:
    """Return the spec with those arguments of ``extra`` that have a row moved to their fields: ``extra`` may predate
    the row.

    If it names another model, the spec is unchanged.
    """
    # The model is placed first, so that no extra argument is mistaken for it.
    fields, rest = parse_arguments([spec.model, *spec.extra])
    return with_values(spec, {**fields, "extra": rest}) if fields["model"] == spec.model else spec


def _model_named(arguments: list[FlagArgument]) -> Iterator[FlagArgument]:
    """Yield the arguments, with the model split off from a preceding flag that takes no value."""
    for flag, values, words in arguments:
        if _SWITCH.match(flag) and values and len(words) > 1 and values[-1].lower() not in _BOOLEANS:
            yield FlagArgument(flag, values[:-1], words[:-1])
            yield FlagArgument("", values[-1:], words[-1:])
        else:
            yield FlagArgument(flag, values, words)


def arguments_of(words: Sequence[str]) -> Iterator[FlagArgument]:
    """The words, flag by flag."""
    at = 0
    while at < len(words):
        begin, word = at, words[at]
        at += 1
        if not _is_flag(word):
            yield FlagArgument("", (word,), (word,))
            continue
        name, equals, value = word.partition("=")
        flag = _SHORT.get(name, name.replace("_", "-") if name.startswith("--") else name)
        values = [value] if equals else []
        if not equals:
            while at < len(words) and not _is_flag(words[at]) and _takes(flag, values, words[at]):
                values.append(words[at])
                at += 1
        yield FlagArgument(flag, tuple(values), tuple(words[begin:at]))


def _is_flag(word: str) -> bool:
    """argparse takes ``-1`` for a value."""
    return word.startswith("-") and len(word) > 1 and _NUMBER.fullmatch(word) is None


def _takes(flag: str, values: list[str], word: str) -> bool:
    """True if the flag takes this further word."""
    known = BY_FLAG.get(flag)
    if known is not None and known.kind is SWITCH:
        return not values and word.lower() in _BOOLEANS
    return flag not in FIELDS or not values


def _take(argument: FlagArgument, fields: dict[str, Any]) -> bool:
    """Put it into its field; False where it has none."""
    flag, values = argument.flag, argument.values
    known = BY_FLAG.get(flag)
    if known is not None and known.kind is SWITCH:
        turned = bool(values) and values[0].lower() == "false"
        fields[known.name] = (flag == known.flag) is not turned
        return True
    if known is not None and known.kind is WORDS and values:
        fields[known.name] = values
        return True
    if flag not in _ONE_VALUE or len(values) != 1:
        return False
    name, read = _ONE_VALUE[flag]
    try:
        fields[name] = read(values[0])
    except ValueError:
        return False
    return True
