"""Common parts of the plans of local actions."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psutil

from actions.local.leftovers import owner_of
from actions.local.machine import Installed
from actions.number_words import count
from actions.planning.plan import Check, Verdict
from fleet.local.process import group
from fleet.local.server import Phase, ServerState
from fleet.local.server_load import LoadProbe


def no_vllm() -> Installed:
    """Return a placeholder if there is no vLLM: the check that reports it forbids the plan."""
    return Installed("vllm")


async def check_running(state: ServerState, grace: float) -> Check:
    """Check its current state, and the effect on it."""
    about = "running"
    if state.stage.phase is Phase.DEAD:
        left = await asyncio.to_thread(group, state.record.identity)
        if left:
            what = f"it has died, but {count(len(left), 'process', 'processes')} of it still run and will be ended"
            return Check(about, Verdict.WARN, what)
        return Check(about, Verdict.PASS, "it has already died: what it left behind is removed")
    if not state.serves:
        return Check(about, Verdict.WARN, f"it is not ready yet ({state.stage.phase.value}): its start is aborted")
    async with LoadProbe(state.record) as probe:
        load = await probe.load()
    if load is None:
        return Check(about, Verdict.WARN, "it does not report its requests: they may be aborted")
    if not load.requests:
        return Check(about, Verdict.PASS, "it has no requests")
    what = f"{load.running:.0f} running and {load.waiting:.0f} waiting requests get {grace:.0f} s"
    refuse = (
        "new ones are refused"
        if state.record.drains
        else "new ones are accepted until then: this vLLM cannot refuse them"
    )
    return Check(about, Verdict.WARN, f"{what}; {refuse}")


def check_owner(state: ServerState) -> Check:
    """Check that it may be signalled."""
    other = owner_of(state.record)
    if other:
        return Check("owner", Verdict.BLOCK, f"its process belongs to {other}: you may not end it")
    user = ""
    with suppress(psutil.Error, KeyError):
        user = psutil.Process().username()
    return Check("owner", Verdict.PASS, f"its process is yours{f' ({user})' if user else ''}")
