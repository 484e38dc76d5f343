"""The arguments of ``vllm serve`` that this program knows: one row each.

A row defines the flag of ``quarterdeck local up``, the row of the form, the key of a preset, the words on vLLM's
command line, and how these are parsed from a foreign one. LaunchSpec has a field for those that this program itself
uses; other values are in its ``more``. Every command parses flags: nothing is imported here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from fleet.dataclass import dataclass

_LENGTH: Final = re.compile(r"(\d+(?:\.\d+)?)([kKmMgG]?)")
_FACTORS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
"""Suffixes of numbers, as vLLM reads ``--max-model-len 32K`` (vllm.utils.argparse_utils.human_readable_int)."""


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ValueError("must be at least 1")
    return int(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        raise ValueError("must be from 1 to 65535")
    return int(text)


def _ratio(text: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = 0.0
    if not 0 < ratio <= 1:
        raise ValueError("is a ratio: 0.9, at most 1")
    return ratio


def length(text: str) -> int:
    """Tokens: ``8192``, ``32K`` (1024 each), ``32k`` (1000 each). Raises ValueError."""
    match = _LENGTH.fullmatch(text)
    tokens = float(match[1]) * _FACTORS[match[2]] if match else 0.0
    if tokens < 1 or tokens % 1:
        raise ValueError(f'must be a number of tokens, such as 8192 or 32K, not "{text}"')
    return int(tokens)


@dataclass(frozen=True, slots=True)
class ArgumentKind:
    """The type of an argument. A kind with several words, or none, is parsed by position and has no ``read``."""

    type: Any
    """Type of its value, in LaunchSpec and in a preset."""
    default: Any
    """The value that means "left to vLLM"."""
    read: Callable[[str], Any] = str
    """Parser of a value. Raises ValueError, whose text continues the flag's name."""
    wanted: str = ""
    """Hint in the form for a value that ``read`` rejects."""
    typed: type[Any] = str
    """Type that argparse makes of it first."""


TEXT: Final = ArgumentKind(str, "")
COUNT: Final = ArgumentKind(int, 0, _count, "a whole number of at least 1", int)
PORT: Final = ArgumentKind(int, 0, _port, "a number from 1 to 65535", int)
RATIO: Final = ArgumentKind(float, 0.0, _ratio, "a share of the memory: 0.9, at most 1", float)
LENGTH: Final = ArgumentKind(int, 0, length, "a number of tokens: 8192, 32K")
WORDS: Final = ArgumentKind(tuple[str, ...], ())
"""Several words behind one flag."""
SWITCH: Final = ArgumentKind(bool | None, None)
"""``--flag`` or ``--no-flag``; None for neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmArgument:
    """One argument."""

    name: str
    """Name of the field of LaunchSpec or the key in its ``more``, of the row of the form and of the key of a preset."""
    kind: ArgumentKind
    label: str
    """Label of its row in the form."""
    unset: str = "left to vLLM"
    """Text of the form's row while it is empty."""
    choices: tuple[str, ...] = ()
    """Choices of the row; without them it is typed."""
    help: str
    """Help of its flag."""
    metavar: str = ""
    short: tuple[str, ...] = ()
    """Other spellings of the flag."""
    about: str
    """Description of its key in a preset, including the meaning of its default."""
    default: Any = None
    """The value that leaves it to vLLM, where that is not the kind's."""
    most: float | None = None
    """Maximum in a preset: values go from the default to this."""

    @property
    def flag(self) -> str:
        """Flag in the spelling that vLLM documents."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def negative(self) -> str:
        """Flag that turns a switch off."""
        return f"--no-{self.flag[2:]}"

    @property
    def plain(self) -> Any:
        """The value that leaves it to vLLM."""
        return self.kind.default if self.default is None else self.default

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every spelling of the flag."""
        return (self.flag, *self.short, *((self.negative,) if self.kind is SWITCH else ()))

    def words(self, value: Any) -> tuple[str, ...]:
        """Return its words on the command line of ``vllm serve``; none if it is left to vLLM."""
        if value == self.plain:
            return ()
        if self.kind is SWITCH:
            return (self.flag if value else self.negative,)
        return (self.flag, *value) if self.kind is WORDS else (self.flag, str(value))


_MODELS_OWN: Final = "the model's own"

ARGUMENTS: tuple[VllmArgument, ...] = (
    VllmArgument(
        name="host",
        kind=TEXT,
        label="host",
        unset="127.0.0.1: this machine only",
        help="address to listen on (127.0.0.1)",
        metavar="ADDR",
        about="Address to listen on. Empty: 127.0.0.1. Any other requires an API key.",
    ),
    VllmArgument(
        name="port",
        kind=PORT,
        label="port",
        help="its port (the first free one from 8000)",
        metavar="P",
        about="Its port. 0: the first free one.",
        most=65535,
    ),
    VllmArgument(
        name="served_model_name",
        kind=WORDS,
        label="served as",
        unset="the model; several separated by spaces",
        help="names that requests may use",
        metavar="NAME",
        about="Names that requests may use. Empty: the model's.",
    ),
    VllmArgument(
        name="revision",
        kind=TEXT,
        label="revision",
        unset="from the hub: the newest one here",
        help="branch, tag or commit on the hub",
        metavar="REV",
        about="Branch, tag or commit on the hub.",
    ),
    VllmArgument(
        name="tensor_parallel_size",
        kind=COUNT,
        label="tensor parallel",
        unset="1 GPU",
        help="GPUs that share each layer",
        metavar="N",
        short=("-tp",),
        about="GPUs that share each layer.",
        default=1,
        most=1024,
    ),
    VllmArgument(
        name="pipeline_parallel_size",
        kind=COUNT,
        label="pipeline parallel",
        unset="1 stage",
        help="pipeline stages",
        metavar="N",
        short=("-pp",),
        about="Pipeline stages.",
        default=1,
        most=1024,
    ),
    VllmArgument(
        name="gpu_memory_utilization",
        kind=RATIO,
        label="GPU memory",
        unset="left to vLLM; 0.9 is nine tenths of each GPU",
        help="ratio of each GPU's memory",
        metavar="X",
        about="Ratio of each GPU's memory. 0: vLLM's own.",
        most=1,
    ),
    VllmArgument(
        name="max_model_len",
        kind=LENGTH,
        label="context length",
        unset="the model's own, in tokens",
        help="context length in tokens: 8192, 32K",
        metavar="N",
        about="Context length in tokens. 0: the model's own.",
        most=1_000_000_000,
    ),
    VllmArgument(
        name="max_num_seqs",
        kind=COUNT,
        label="concurrent requests",
        help="concurrent requests",
        metavar="N",
        about="Concurrent requests. 0: vLLM's default.",
        most=1_000_000,
    ),
    VllmArgument(
        name="quantization",
        kind=TEXT,
        label="quantisation",
        unset=_MODELS_OWN,
        choices=("fp8", "awq", "gptq", "bitsandbytes", "compressed-tensors"),
        help="fp8, awq, gptq …",
        metavar="Q",
        short=("-q",),
        about="fp8, awq … Empty: the model's own.",
    ),
    VllmArgument(
        name="kv_cache_dtype",
        kind=TEXT,
        label="KV cache type",
        choices=("auto", "fp8", "fp8_e4m3", "fp8_e5m2"),
        help="auto, fp8 …",
        metavar="T",
        about="fp8 … Empty: vLLM's own.",
    ),
    VllmArgument(
        name="dtype",
        kind=TEXT,
        label="data type of the weights",
        unset=_MODELS_OWN,
        choices=("auto", "bfloat16", "float16", "float32"),
        help="auto, bfloat16, float16, float32",
        metavar="T",
        about="bfloat16 … Empty: the model's own.",
    ),
    VllmArgument(
        name="enable_prefix_caching",
        kind=SWITCH,
        label="prefix caching",
        help="reuse KV",
        about="Not set: vLLM's own.",
    ),
)
"""The arguments, in the order of the command line."""
