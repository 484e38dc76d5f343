"""Parsing of typed text into a request: numbers that no API accepts, and invalid names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.catalogue import specs_of
from actions.kinds.bounds import Bounds
from actions.kinds.hold import Hold
from actions.kinds.scale import Scale
from actions.request import InTurn, Request, Target
from actions.spec import UsageError
from console.cli.action_flags import names_of, request_of
from console.cli.find_object import NotNamedError, find
from console.cli.parser import parse
from fleet.model.snapshot import Cluster, Snapshot

TARGET = Target("Deployment", "serving", "chat", "uid-1")
HPA, KEDA = replace(TARGET, kind="HorizontalPodAutoscaler"), replace(TARGET, kind="ScaledObject")


def asked(words: list[str]) -> Request:
    """The request of a command line whose names are all found."""
    specs, options = specs_of(words[0]), parse("quarterdeck", words)
    kind = specs[0].targets[0]
    named = names_of(specs, options)
    return request_of(specs, options, tuple(replace(TARGET, kind=kind, name=name.split("/")[-1]) for name in named))


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (["scale", "chat", "2147483647"], Scale(TARGET, 2147483647)),
        (["scale", "chat", "--replicas", "0"], Scale(TARGET, 0)),
        (["bounds", "hpa/chat", "--max", "3"], Bounds(HPA, None, 3)),
        (["hold", "so/chat", "0"], Hold(KEDA, 0)),
        (["hold", "so/chat", "--off"], Hold(KEDA, None)),
    ],
)
def test_replicas(words: list[str], request_: object) -> None:
    assert asked(words) == request_


@pytest.mark.parametrize(
    "words", [["scale", "chat", "{}"], ["bounds", "hpa/chat", "--min={}"], ["hold", "so/chat", "{}"]]
)
@pytest.mark.parametrize(("number", "expected"), [("2147483648", "more than 2147483647"), ("-1", "fewer than 0")])
def test_replicas_that_no_api_takes(words: list[str], number: str, expected: str) -> None:
    typed = [word.format(number) for word in words]
    with pytest.raises(UsageError, match=f"replicas cannot be {expected}"):
        asked(typed)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["scale", "chat", "embed", "3"], [3, 3]),
        (["scale", "chat", "embed", "--replicas", "3"], [3, 3]),
        (["scale", "chat", "embed", "3", "--replicas=3"], [3, 3]),
    ],
)
def test_a_number_behind_several_names_is_that_of_each(words: list[str], numbers: list[int]) -> None:
    request = asked(words)
    assert isinstance(request, InTurn)
    assert [(part.target.name, part.replicas) for part in request.parts if isinstance(part, Scale)] == [
        ("chat", numbers[0]),
        ("embed", numbers[1]),
    ]


def test_two_numbers_are_one_too_many() -> None:
    with pytest.raises(UsageError, match="two numbers are given: 3 and 4"):
        asked(["scale", "chat", "embed", "3", "--replicas=4"])


def test_what_is_done_otherwise_to_another_kind_is_a_command_of_its_own() -> None:
    specs = specs_of("drain")
    options = parse("quarterdeck", ["drain", "chat-1", "node/a"])
    with pytest.raises(UsageError, match="Pod chat-1 and Node a need different actions: use a command for each"):
        request_of(specs, options, (Target("Pod", "serving", "chat-1"), Target("Node", "", "a")))


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_no_name_is_no_target(kind: str) -> None:
    with pytest.raises(NotNamedError):
        find(f"{kind}/", Snapshot(0, 0.0, Cluster()), "", "default", (kind,))
