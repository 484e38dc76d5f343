"""Measure a vLLM server of this machine under load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from actions.request import LOCAL_SERVER, Request
from actions.spec import ActionSpec, nothing

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
    """At each level; 0 for four times its concurrency, 8 at least."""


def _action() -> LocalAction:
    from actions.kinds.local_bench.action import LocalBenchAction

    return LocalBenchAction()


LOCAL_BENCH = ActionSpec(
    request=LocalBench,
    action=_action,
    title="Benchmark it",
    about="Measure a server under load, one concurrency after the other.",
    done="measured",
    sends="nothing to a cluster: it starts `vllm bench serve`",
    objects=(LOCAL_SERVER,),
    permissions=nothing,
    names=("bench",),
    keys=("b",),
    hint="bench",
)
