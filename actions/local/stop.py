"""Taking a server down: stop new requests, finish the running ones, end its processes, remove what they left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import NamedTuple

from actions.local.context import LocalExecution
from actions.local.leftovers import ServerResources, left_of, perhaps_of, sockets_in, survey
from actions.local.steps import removing, signalling
from actions.local.store import forget
from actions.number_words import count
from actions.planning.plan import Step
from actions.running.progress import Outcome, Result
from fleet.local.process import listens
from fleet.local.record import ServerRecord
from fleet.local.server import Phase, ServerState
from fleet.local.server_load import LoadProbe
from fleet.sources.scrape.engine_load import EngineLoad

GIVEN: tuple[tuple[Signals, float], ...] = ((SIGINT, 15.0), (SIGTERM, 10.0), (SIGKILL, 5.0))
"""Each signal and the seconds after it. An engine with several GPUs needs about ten to release them."""
IDLE = 2
"""Looks in a row that find no request, before a server that cannot refuse new ones is ended."""
ORPHANS = 3.0
"""Seconds that workers get to end after their leader."""
SILENT = 10
"""Consecutive polls without an answer from a listening server, after which it is not waited for."""

REFUSE, WAIT, END, LOOK = range(4)
"""The steps."""


def steps_of(record: ServerRecord, grace: float) -> tuple[Step, ...]:
    """Return the steps, in order."""
    if not record.identity.alive:
        return (
            Step("refuse new requests", "nothing to do: it has died"),
            Step("wait for running requests", "nothing to do: they were aborted"),
            Step("end its processes", "workers that outlived it: SIGTERM, then SIGKILL"),
            Step("check for leftovers", "processes, shared memory, sockets"),
        )
    refuses = "SIGINT: this vLLM refuses new requests and finishes those it has"
    cannot = "this vLLM cannot: remove its address from whatever sends to it"
    return (
        Step("refuse new requests", refuses if record.drains else cannot),
        Step("wait for running requests", f"until there are none, {grace:.0f} s at most"),
        Step("end its processes", ", ".join(f"{number.name} then {wait:.0f} s" for number, wait in GIVEN)),
        Step("check for leftovers", "processes, shared memory, sockets"),
    )


class TakeDownEnd(NamedTuple):
    """The end of a take-down."""

    failed: Outcome | None
    """None if nothing of it runs any more."""
    remarks: tuple[str, ...] = ()
    """Remarks for the person: requests that were cut, files that may be its."""


async def finish(state: ServerState, grace: float, execution: LocalExecution) -> TakeDownEnd:
    """Take it down. Who stops waiting for it learns how far it got."""
    sent: list[str] = []
    try:
        return await _finish(state, grace, execution, sent)
    except asyncio.CancelledError:
        # Handled here and not by the runner, which only knows how to undo completed steps.
        return TakeDownEnd(await asyncio.shield(asyncio.to_thread(_interrupted, state.record, sent)))


def _interrupted(record: ServerRecord, sent: Sequence[str]) -> Outcome:
    """Return how far it got when the wait was stopped."""
    again = f"quarterdeck local down {record.name} continues"
    if not record.identity.alive:
        return Outcome(Result.STOPPED, f"stopped: {record.name} has ended; its leftovers were not checked", again)
    if not sent:
        return Outcome(Result.STOPPED, f"stopped: nothing was sent to {record.name}, which continues as before", again)
    text = f"stopped waiting: {record.name} was told to stop ({', '.join(sent)}), and does so by itself"
    refuses = "; it accepts no new requests" if record.drains else ""
    return Outcome(Result.STOPPED, text + refuses, again)


async def _finish(state: ServerState, grace: float, execution: LocalExecution, sent: list[str]) -> TakeDownEnd:
    """``sent`` gets the signals that were sent."""
    record = state.record
    belongings = await asyncio.to_thread(survey, record)
    interrupted = patient = False
    remarks: list[str] = []
    if record.identity.alive:
        execution.step(REFUSE)
        if record.drains and state.stage.phase is Phase.STOPPING:
            execution.say("it was told to before, and is doing so")
            interrupted = patient = True
        elif record.drains:
            await execution.send(signalling((record.identity,), SIGINT, f"ask {record.name} to finish"))
            sent.append(SIGINT.name)
            interrupted = patient = True
        else:
            execution.say("it cannot be told to: new requests are still accepted")
        execution.step(WAIT)
        if state.serves:
            cut = await _requests_end(record, grace, execution)
            patient = not cut
            remarks += [cut] if cut else []
            belongings = belongings.merged_with(await asyncio.to_thread(survey, record))
        else:
            execution.say("it was not ready yet: it has none")
    execution.step(END)
    belongings = await _end(record, belongings, execution, sent, interrupted=interrupted, patient=patient)
    execution.step(LOOK)
    failed = await _clean(record, belongings, execution)
    perhaps = await asyncio.to_thread(perhaps_of, record) if failed is None else ()
    if perhaps:
        shown = ", ".join(perhaps[:3]) + (f" and {len(perhaps) - 3} more" if len(perhaps) > 3 else "")
        remarks.append(f"unused shared memory created while it ran, which may be its: {shown}")
    return TakeDownEnd(failed, tuple(remarks))


async def _requests_end(record: ServerRecord, grace: float, execution: LocalExecution) -> str:
    """Wait until it has no requests or has ended; return what will be aborted, in words, if the time runs out."""
    idle, silent, last, began = 0, 0, -1.0, execution.now()

    async with LoadProbe(record) as probe:

        async def over() -> bool:
            nonlocal idle, silent, last
            if not record.identity.alive:
                return True
            load = await probe.load()
            silent = 0 if load is not None else silent + 1
            idle = idle + 1 if load is not None and not load.requests else 0
            left = _time_left(began, grace, execution.now())
            if load is not None:
                last = load.requests
                execution.say(_running(load) + (f", {left:.0f} s left for them" if load.requests else ""))
            # A stopping server no longer answers before it exits: its requests have finished then.
            ending = silent > 0 and record.drains and last == 0
            if idle >= IDLE or ending:
                return True
            if silent < SILENT:
                return False
            if not record.drains or await asyncio.to_thread(listens, record.identity, record.spec.port):
                return True
            # vLLM 0.19 closes its port at once and ends with its last request.
            execution.say(f"its port is closed, its requests continue, {left:.0f} s left for them")
            return False

        in_time = await execution.until(over, grace)
    if in_time:
        return ""
    over_now = f"the grace period of {grace:.0f} s was over"
    execution.say(f"{over_now}: {count(round(last), 'request') if last > 0 else 'its requests'} will be aborted")
    return f"{over_now}: {count(round(last), 'request') if last > 0 else 'its requests'} aborted"


async def _end(
    record: ServerRecord,
    had: ServerResources,
    execution: LocalExecution,
    sent: list[str],
    *,
    interrupted: bool,
    patient: bool,
) -> ServerResources:
    """Send signal after signal until every process is gone; its belongings are read again before each.

    One that was ``interrupted`` before is already ending; it gets time if it has no more requests (``patient``).
    """
    for number, patience in GIVEN:
        had = had.merged_with(await asyncio.to_thread(survey, record))
        alive = had.alive
        if not alive:
            break
        if number is SIGINT and not record.identity.alive:
            # Its workers leave SIGINT to their leader, which is gone.
            continue
        if number is SIGINT and interrupted:
            if not patient:
                continue
            execution.say(f"it was sent SIGINT: {count(len(alive), 'process', 'processes')} left")
        else:
            # Its leader stops the workers gracefully; only if it does not react is the whole group signalled.
            led = record.identity.alive and number is not SIGKILL
            await execution.send(
                signalling((record.identity,) if led else alive, number, f"{number.name} to {record.name}")
            )
            sent.append(number.name)
        if await _wait_until_gone(record, had, number, patience, execution):
            break
    return had


async def _wait_until_gone(
    record: ServerRecord, had: ServerResources, number: Signals, patience: float, execution: LocalExecution
) -> bool:
    """Wait until all have ended; workers that outlive their leader are not waited for as long."""
    alone: float | None = None

    async def over() -> bool:
        nonlocal alone
        left = had.alive
        execution.say(f"{number.name}: {count(len(left), 'process', 'processes')} left")
        if left and not record.identity.alive:
            alone = execution.now() if alone is None else alone
            return execution.now() - alone >= ORPHANS and number is not SIGKILL
        return not left

    await execution.until(over, patience)
    return not had.alive


async def _clean(record: ServerRecord, had: ServerResources, execution: LocalExecution) -> Outcome | None:
    left = await asyncio.to_thread(left_of, record, had)
    if left.processes:
        pids = ", ".join(str(each.pid) for each in left.processes)
        return Outcome(
            Result.FAILED,
            f"{count(len(left.processes), 'process', 'processes')} of it cannot be ended, not even by SIGKILL: {pids}",
            "a process that hangs in the driver ends when the GPU is reset or the machine restarts",
        )
    for path in sorted(left.shared):
        await execution.send(removing(path, "unused shared memory"))
    sockets = len(sockets_in(record.runtime)) if record.runtime else 0
    if record.runtime:
        await execution.send(removing(record.runtime, f"its temporary files and sockets ({sockets})"))
    await asyncio.to_thread(forget, record)
    removed = f" ({count(len(left.shared), 'segment')} removed)" if left.shared else ""
    execution.say(f"nothing: no process, no socket, no shared memory{removed}")
    return None


def _running(load: EngineLoad) -> str:
    return f"{load.running:.0f} running, {load.waiting:.0f} waiting"


def _time_left(began: float, grace: float, now: float) -> float:
    return max(0.0, began + grace - now)
