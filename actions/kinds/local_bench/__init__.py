"""Measure a vLLM server on this machine under load."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from actions.request import LOCAL_SERVER, Request
from actions.spec import ActionSpec, Argument, Takes, UsageError, no_permissions
from fleet.dataclass import dataclass

if TYPE_CHECKING:
    from actions.local.context import LocalAction


@dataclass(frozen=True, slots=True)
class LocalBench(Request):
    """Measure a server under load: each level of concurrency in turn, with prompts and outputs of a fixed length."""

    kind: ClassVar[str] = "local-bench"
    concurrency: tuple[int, ...] = (1, 4, 16)
    """Requests under way at once."""
    prompt_tokens: int = 256
    output_tokens: int = 128
    requests: int = 0
    """Requests at each level; 0 for four times its concurrency, 8 at least."""


def _action() -> LocalAction:
    from actions.kinds.local_bench.action import LocalBenchAction

    return LocalBenchAction()


def _levels(text: str) -> tuple[int, ...]:
    try:
        levels = tuple(int(part) for part in text.split(","))
    except ValueError:
        levels = ()
    if not levels or min(levels) < 1:
        raise UsageError("--concurrency takes numbers separated by commas: 1,4,16")
    return levels


LOCAL_BENCH = ActionSpec(
    request=LocalBench,
    action=_action,
    title="Benchmark it",
    about="Measure a server under load, at several concurrencies in turn.",
    done="measured",
    sends="nothing to a cluster: it starts `vllm bench serve`",
    objects=(LOCAL_SERVER,),
    permissions=no_permissions,
    arguments=(
        Argument(
            "concurrency",
            "--concurrency",
            metavar="1,4,16",
            help="concurrent requests, one level after the other",
            convert=_levels,
        ),
        Argument("prompt_tokens", "--prompt-tokens", Takes.INTEGER, "N", "of each prompt (256)"),
        Argument("output_tokens", "--output-tokens", Takes.INTEGER, "N", "of each answer (128)"),
        Argument("requests", "--requests", Takes.INTEGER, "N", "at each level (4 times its concurrency)"),
    ),
    target_metavar="SERVER",
    names=("bench",),
    keys=("b",),
    hint="bench",
)
