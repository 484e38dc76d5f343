"""Reasons why a command does not run: one line that reads as one sentence, for any command and any object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from console.commands import capabilities
from console.commands.command import Command, Context, ScreenId
from console.commands.dispatch import refusal
from console.commands.table import BY_ID, TABLE
from console.session.failure import SessionError
from console.views.subject import ref_of
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import MACHINE, Snapshot
from tests.console.screens.scripted import ScriptedActing
from tests.fleets import make_snapshot

_SENTENCE = re.compile(
    r"\w[^:;,]*"  # what the command is called
    r": [^:;\s](?:[^:;]|(?<=\s):(?=\w))*"  # a clause; a colon only where it begins the name of a command
    r"(?:; (?:[^:;\s]|:(?=\w))(?:[^:;]|(?<=\s):(?=\w))*)?"  # and what follows of it
)


class Denying(ScriptedActing):
    """An identity that may do nothing."""

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        return f"you may not patch {kind} in {target.namespace or 'the cluster'}"


ABILITIES = tuple(
    ability
    for ability in vars(capabilities).values()
    if isinstance(ability, type) and ability.__module__ == capabilities.__name__
)
VIEW: object = type("AnyScreen", ABILITIES, {"narrows_at_once": True})()
"""A screen with all abilities that gets no requests: refusals are pure."""


def fleet() -> Snapshot:
    """Workloads of each kind, what Kubernetes does not know, and nodes that are cordoned and not."""
    snapshot = make_snapshot(workloads=6)
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "LeaderWorkerSet", "InferenceService", "")
    workloads = {
        key: replace(workload, kind=kind or "(unseen)", uid="" if not kind else workload.uid or "u")
        for (key, workload), kind in zip(snapshot.workloads.items(), kinds, strict=False)
    }
    unseen = next(iter(snapshot.pods))
    pods = {key: replace(pod, uid="" if key == unseen else pod.uid or "u") for key, pod in snapshot.pods.items()}
    return replace(snapshot, workloads=workloads, pods=pods)


def subjects(snapshot: Snapshot) -> list[str | None]:
    pods = list(snapshot.pods)
    return [None, "gone", *snapshot.workloads, *pods[:2], *list(snapshot.nodes)[:3], *list(snapshot.gpus)[:1]]


@cache
def contexts() -> tuple[Context, ...]:
    return tuple(_contexts())


def _contexts() -> Iterator[Context]:
    seen = fleet()
    machine = replace(seen, sources=(replace(seen.sources[0], name=MACHINE),))
    assert machine.is_machine
    pod, workload = list(seen.pods)[1], next(iter(seen.workloads))
    for snapshot, subject, marked, acting, where in product(
        (None, seen, machine),
        subjects(seen),
        ((), (pod,), (pod, workload)),
        (None, Denying()),
        ScreenId,
    ):
        target = ref_of(snapshot, subject) if snapshot is not None and subject is not None else None
        yield Context(where, VIEW, snapshot, subject, target, "", marked, acting)


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.id)
def test_a_refusal_is_one_sentence_whatever_the_command_is_asked_of(command: Command) -> None:
    lines = {refusal(command, context, read_only=False) for context in contexts()}
    lines |= {refusal(command, context, read_only=True) for context in contexts()[:: len(ScreenId) + 1]}
    for words in lines - {None}:
        assert words is not None
        assert _SENTENCE.fullmatch(words), words
        _, _, reason = words.partition(": ")
        clauses = re.split("[;,] ", reason)
        assert len(clauses) == len(set(clauses)), f"it repeats itself: {words}"
        assert not re.search(r"[.!;:,]$", words), words
        assert len(words) <= 120, f"no line of a terminal has room for it: {words}"


def test_the_explanation_in_a_title_is_no_part_of_a_refusal() -> None:
    snapshot = fleet()
    workload = next(iter(snapshot.workloads))
    context = Context(ScreenId.FLEET, VIEW, snapshot, workload, ref_of(snapshot, workload))
    assert refusal(BY_ID["act.drain"], context, read_only=False) == "Drain: this is a workload; its pods are below it"


def test_what_kubernetes_does_not_know_is_called_so() -> None:
    snapshot = fleet()
    workload, pod = list(snapshot.workloads)[-1], next(iter(snapshot.pods))
    for command, subject in (("act.scale", workload), ("act.drain", pod)):
        context = Context(ScreenId.FLEET, VIEW, snapshot, subject)
        words = refusal(BY_ID[command], context, read_only=False)
        assert words is not None
        assert words.endswith("it is measured, but Kubernetes does not know it")


@pytest.mark.parametrize("problem", ["no answer", "no answer.", "no answer;"])
def test_a_problem_and_its_remedy_are_joined_by_one_mark(problem: str) -> None:
    assert SessionError(problem, "Try again.").in_a_line == "no answer; try again."
