"""Recordings of a small fleet in trouble, and their truth."""

from __future__ import annotations

from pathlib import Path

from fleet.model.measurement import Measurement
from fleet.model.objects import Condition, Container, Pod
from fleet.model.quantity import Quantity
from fleet.recorder.moment import Moment
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, Plain
from tests.fleet.rows import LIVE, deployment, engine, kube, measurement, node, pod

Q = Quantity
ONSET = BEGAN + 60
SICK = "serving/chat-1"
WELL = {Q.RUNNING: 8.0, Q.WAITING: 0.0, Q.GENERATION_TOKENS: 400.0, Q.PROMPT_TOKENS: 90.0, Q.KV_USAGE: 0.3}
TRUTH = f"""
schema = "quarterdeck/truth/v1"
kind = "crash-loop"

[[faults]]
cause = ["crash-loop"]
object = ["{SICK}", "serving/Deployment/chat"]
onset = {ONSET}
evidence = ["CrashLoopBackOff", "the moon is full"]
actions = ["previous"]
"""
CALM = 'schema = "quarterdeck/truth/v1"\nkind = "quiet"\n'


def recorded(path: Path, *, crashes: bool = True, seconds: float = 180, held: float = 30) -> None:
    """A recording of three replicas, one of which crashes at the onset and is scraped so many seconds later."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = RecordingWriter(path, Plain())
    at = BEGAN
    while at <= BEGAN + seconds:
        sick = crashes and at >= ONSET
        pods = [_pod(number, crashed=sick and number == 1) for number in range(3)]
        state = kube(pods, deployment(desired=3), [node("n0")])
        writer.note(Moment(state, (LIVE,), _measured(at, held)), at)
        at += held
    writer.close()


def _measured(at: float, interval: float) -> Measurement:
    rows = {engine(f"chat-{number}"): WELL for number in range(3)}
    return measurement(rows, at=at, interval=interval)


def _pod(number: int, *, crashed: bool) -> Pod:
    name = f"chat-{number}"
    if not crashed:
        return pod(name, node="n0", gpus=1)
    container = Container("vllm", "vllm:1", restarts=4, reason="CrashLoopBackOff")
    conditions = (Condition("Ready", "False", since=ONSET),)
    return pod(
        name,
        node="n0",
        gpus=1,
        ready=False,
        status="CrashLoopBackOff",
        restarts=4,
        containers=(container,),
        conditions=conditions,
    )
