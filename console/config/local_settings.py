"""The settings of the servers on this machine; those of vLLM are made from the table of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from console.config.fields import STRICT, FromEnvironment, setting
from fleet.dataclass import dataclass
from fleet.local.vllm_arguments import ARGUMENTS

T = TypeVar("T")


def with_arguments(cls: type[T]) -> type[T]:
    """Give a table a key for each argument of vLLM, behind its model."""
    own = dict(cls.__annotations__)
    rest = {name: own.pop(name) for name in list(own)[list(own).index("model") + 1 :]}
    cls.__annotations__ = {**own, **{each.name: each.kind.type for each in ARGUMENTS}, **rest}
    for each in ARGUMENTS:
        least = each.plain if each.most is not None else None
        setattr(cls, each.name, setting(each.plain, each.about, minimum=least, maximum=each.most))
    return cls


@dataclass(frozen=True, slots=True)
@with_arguments
class Preset:
    """Arguments of a server under a name: `quarterdeck local up NAME`. Unset ones are left to vLLM."""

    __pydantic_config__: ClassVar[Any] = STRICT
    model: str = setting("", "A folder, or a name on the hub (`org/name`). Required.")
    env: Mapping[str, str | FromEnvironment] = setting(
        {}, 'Environment variables; a value may be `{ env = "NAME" }`, for secrets.', secret=True
    )
    extra: tuple[str, ...] = setting((), 'Further arguments of `vllm serve`, passed unchanged: `["--enforce-eager"]`.')
    hub: bool | None = setting(None, "Let it download from the hub. Not set: `hub` of `[local]`.")


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """vLLM servers on this machine (`quarterdeck local`)."""

    __pydantic_config__: ClassVar[Any] = STRICT
    vllm: str = setting(
        "", "The vllm executable. Empty: that of PATH, else of this program's environment.", program=True
    )
    port: int = setting(8000, "The first port to try.", minimum=1, maximum=65535)
    grace: float = setting(
        300.0,
        "Seconds for running requests when a server is stopped, unless the command sets its own.",
        minimum=0,
        maximum=86400,
    )
    hub: bool = setting(False, "Let servers download models from the hub. Without this they are offline.")
    usage_stats: bool = setting(False, "Let vLLM send usage statistics.")
    presets: Mapping[str, Preset] = setting({}, "Separate tables: see below.")
