"""From what was typed to a request: numbers that no API takes, and names that are none."""

from __future__ import annotations

import pytest

from actions.catalogue import specs_of
from actions.kinds.bounds import Bounds
from actions.kinds.hold import Hold
from actions.kinds.scale import Scale
from actions.request import Target
from actions.spec import UsageError
from console.cli.action_command import request_of
from console.cli.named import NotNamedError, find
from console.cli.parser import parse
from fleet.model.snapshot import Cluster, Snapshot

TARGET = Target("Deployment", "serving", "chat", "uid-1")


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        (["scale", "chat", "2147483647"], Scale(TARGET, 2147483647)),
        (["scale", "chat", "--replicas", "0"], Scale(TARGET, 0)),
        (["bounds", "hpa/chat", "--max", "3"], Bounds(TARGET, None, 3)),
        (["hold", "so/chat", "0"], Hold(TARGET, 0)),
        (["hold", "so/chat", "--off"], Hold(TARGET, None)),
    ],
)
def test_replicas(words: list[str], request_: object) -> None:
    assert request_of(specs_of(words[0]), parse("quarterdeck", words), (TARGET,)) == request_


@pytest.mark.parametrize(
    "words", [["scale", "chat", "{}"], ["bounds", "hpa/chat", "--min={}"], ["hold", "so/chat", "{}"]]
)
@pytest.mark.parametrize(("number", "said"), [("2147483648", "more than 2147483647"), ("-1", "fewer than 0")])
def test_replicas_that_no_api_takes(words: list[str], number: str, said: str) -> None:
    typed = [word.format(number) for word in words]
    with pytest.raises(UsageError, match=f"replicas cannot be {said}"):
        request_of(specs_of(typed[0]), parse("quarterdeck", typed), (TARGET,))


@pytest.mark.parametrize("kind", ["HorizontalPodAutoscaler", "ScaledObject"])
def test_no_name_is_no_target(kind: str) -> None:
    with pytest.raises(NotNamedError):
        find(f"{kind}/", Snapshot(0, 0.0, Cluster()), "", "default", (kind,))
