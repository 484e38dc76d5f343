"""Kinds of workloads are known by their descriptors: nothing else asks what a kind is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.kinds.kind import Update, WorkloadKind
from fleet.kinds.registry import KINDS, kind_of

ROOT = Path(__file__).parents[2]
OWN = ROOT / "fleet" / "kinds"
ROOMS = ("fleet", "actions", "console", "widgets")
NAMES = {name for kind in KINDS for name in (kind.kind, kind.plural, kind.qualified)}


def written(room: str) -> Iterator[tuple[str, int, str]]:
    """Every string of the room's source that is nothing but names of kinds: file, line, string."""
    for file in sorted((ROOT / room).rglob("*.py")):
        if OWN in file.parents:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = [word.partition("/")[0] for word in node.value.split()]
                if words and all(word in NAMES for word in words):
                    yield str(file.relative_to(ROOT)), node.lineno, node.value


@pytest.mark.parametrize("room", ROOMS)
def test_no_module_names_a_kind_but_its_own(room: str) -> None:
    assert list(written(room)) == []


def test_every_name_means_one_kind() -> None:
    seen = [name for kind in KINDS for name in kind.names]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_descriptor_is_whole(kind: WorkloadKind) -> None:
    assert kind.group or kind.version == "v1"
    assert kind.plural
    assert not kind.listed or kind.replicas is not None, "what is listed has its replicas counted"
    assert not kind.revisions or kind.restartable, "an earlier template is written where a restart writes"
    assert not kind.restartable or kind.update in (Update.STRATEGY, Update.UPDATE_STRATEGY)
    assert not kind.scale or not kind.unscalable


def test_a_kind_that_nobody_described_can_be_scaled_and_no_more() -> None:
    unknown = kind_of("Flock")
    assert unknown.scale == "scale"
    assert not any((unknown.listed, unknown.restartable, unknown.revisions, unknown.pausable, unknown.replicas))
