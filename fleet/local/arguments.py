"""The arguments of ``vllm serve`` as somebody wrote them, taken apart into what a LaunchSpec has a field for.

The inverse of ``serve_arguments``, for every way in which argparse and vLLM take the same thing: ``--flag value``,
``--flag=value``, ``--flag_name``, ``-tp``, ``--no-…``, ``32K`` for a length, JSON values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

_SHORT: Final = {"-tp": "--tensor-parallel-size", "-pp": "--pipeline-parallel-size", "-q": "--quantization"}
_PREFIX_CACHING: Final = {"--enable-prefix-caching": True, "--no-enable-prefix-caching": False}
_SERVED: Final = "--served-model-name"
_SWITCH: Final = re.compile(r"--(enable|disable|no|enforce|trust)-")
"""How flags begin that take no value: a word that stands behind one is the model, where nothing else is."""
_BOOLEANS: Final = frozenset({"true", "false"})
_NUMBER: Final = re.compile(r"-\d+(\.\d+)?")
_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)([kKmMgG]?)")
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
"""As vLLM reads ``--max-model-len 32K`` (vllm.utils.argparse_utils.human_readable_int)."""


class Argument(NamedTuple):
    """One flag with its values, or words without a flag (``flag`` empty)."""

    flag: str
    """In one spelling: dashes, the long form of a short one."""
    values: tuple[str, ...]
    words: tuple[str, ...]
    """As they were written."""


class Parsed(NamedTuple):
    """What a command line says of a LaunchSpec, and what it says beyond."""

    fields: dict[str, Any]
    """Name of the field → its value."""
    extra: tuple[str, ...]
    """The other arguments, as they were written and in their order."""


def parse_arguments(words: Sequence[str]) -> Parsed:
    """``words`` are those behind ``vllm serve``. What a field does not take (``auto`` for a length) stays in ``extra``.

    Never raises: what vLLM itself would refuse, it is left to refuse.
    """
    fields: dict[str, Any] = {}
    extra: list[str] = []
    found = list(arguments_of(words))
    if not any(argument.flag in {"", "--model"} for argument in found):
        found = list(_model_told_apart(found))
    for argument in found:
        if not argument.flag and "model" not in fields:
            (fields["model"],) = argument.values
        elif not _take(argument, fields):
            extra += argument.words
    return Parsed(fields, tuple(extra))


def _model_told_apart(arguments: list[Argument]) -> Iterator[Argument]:
    """With the model as an argument of its own where it stands behind a flag that takes no value."""
    for flag, values, words in arguments:
        if _SWITCH.match(flag) and values and len(words) > 1 and values[-1].lower() not in _BOOLEANS:
            yield Argument(flag, values[:-1], words[:-1])
            yield Argument("", values[-1:], words[-1:])
        else:
            yield Argument(flag, values, words)


def arguments_of(words: Sequence[str]) -> Iterator[Argument]:
    """The words, flag by flag."""
    at = 0
    while at < len(words):
        begin, word = at, words[at]
        at += 1
        if not _is_flag(word):
            yield Argument("", (word,), (word,))
            continue
        name, equals, value = word.partition("=")
        flag = _SHORT.get(name, name.replace("_", "-") if name.startswith("--") else name)
        values = [value] if equals else []
        if not equals:
            while at < len(words) and not _is_flag(words[at]) and _takes(flag, values, words[at]):
                values.append(words[at])
                at += 1
        yield Argument(flag, tuple(values), tuple(words[begin:at]))


def _is_flag(word: str) -> bool:
    """argparse takes ``-1`` for a value."""
    return word.startswith("-") and len(word) > 1 and _NUMBER.fullmatch(word) is None


def _takes(flag: str, values: list[str], word: str) -> bool:
    """Whether the flag takes this word, too."""
    if flag in _PREFIX_CACHING:
        return not values and word.lower() in _BOOLEANS
    return flag not in _FIELDS or not values


def _take(argument: Argument, fields: dict[str, Any]) -> bool:
    """Put it into its field; False where it has none."""
    flag, values = argument.flag, argument.values
    if flag in _PREFIX_CACHING:
        turned = bool(values) and values[0].lower() == "false"
        fields["enable_prefix_caching"] = _PREFIX_CACHING[flag] is not turned
        return True
    if flag == _SERVED and values:
        fields["served_model_name"] = values
        return True
    known = _FIELDS.get(flag)
    if known is None or len(values) != 1:
        return False
    name, read = known
    try:
        fields[name] = read(values[0])
    except ValueError:
        return False
    return True


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("1 at least")
    return number


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError("no port")
    return port


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise ValueError("no share")
    return share


def length(text: str) -> int:
    """Tokens: ``8192``, ``32K`` (1024 each), ``32k`` (1000 each). Raises ValueError."""
    match = _LENGTH.fullmatch(text)
    tokens = float(match[1]) * _FACTORS[match[2]] if match else 0.0
    if tokens < 1 or tokens % 1:
        raise ValueError(f'"{text}" is no number of tokens')
    return int(tokens)


_FIELDS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "--model": ("model", str),
    "--host": ("host", str),
    "--port": ("port", _port),
    "--revision": ("revision", str),
    "--tensor-parallel-size": ("tensor_parallel_size", _count),
    "--pipeline-parallel-size": ("pipeline_parallel_size", _count),
    "--gpu-memory-utilization": ("gpu_memory_utilization", _share),
    "--max-model-len": ("max_model_len", length),
    "--max-num-seqs": ("max_num_seqs", _count),
    "--quantization": ("quantization", str),
    "--kv-cache-dtype": ("kv_cache_dtype", str),
    "--dtype": ("dtype", str),
}
FIELDS: Final = frozenset(_FIELDS)
"""The flags with a value that have a field, in their long form."""
