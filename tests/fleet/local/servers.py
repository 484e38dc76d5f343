"""Servers of this machine in the state that a test wants."""

from __future__ import annotations

import os
from dataclasses import replace

from fleet.local.process import Identity, identify
from fleet.local.record import ServerRecord
from fleet.local.server import Phase, ServerState, StartStage
from fleet.local.spec import LaunchSpec
from fleet.model.log_wording import Reason

BEGUN = 1_700_000_000.0


def record(name: str = "tiny", *, port: int = 8000, identity: Identity | None = None, uid: str = "") -> ServerRecord:
    """One that runs as this very process, unless another one is named."""
    return ServerRecord(
        id=uid or f"id-{name}",
        spec=LaunchSpec(name, "org/tiny", port=port, served_model_name=("tiny-chat",), revision="abc"),
        identity=identity or identify(os.getpid()),
        argv=("vllm", "serve", "org/tiny", "--port", str(port)),
        version="0.32.0",
        begun=BEGUN,
        folder="/nowhere",
    )


def state(of: ServerRecord, phase: Phase = Phase.READY, *, detail: str = "", at: float = BEGUN + 60) -> ServerState:
    """A server in a phase, which it has been in since half a minute after its start."""
    begin = StartStage(Phase.STARTING, BEGUN)
    stage = StartStage(phase, BEGUN + 30, detail)
    return ServerState(of, at, stage, (begin, stage), healthy=True if phase is Phase.READY else None)


def loading(of: ServerRecord, done: int, total: int, eta: float | None) -> ServerState:
    """One that reads its weights."""
    found = state(of, Phase.LOADING)
    stage = replace(found.stage, detail=f"shard {done} of {total}", done=done, total=total)
    return replace(found, stage=stage, stages=(*found.stages[:-1], stage), eta=eta)


def dead(of: ServerRecord) -> ServerState:
    """One whose GPU was too small."""
    reason = Reason("cuda-oom", "the GPU has too little free memory", "lower --gpu-memory-utilization")
    return replace(state(of, Phase.DEAD, detail=reason.text), reason=reason)
