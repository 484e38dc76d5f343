"""Foreign names that would be invisible: something visible is drawn for each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.report.harmless import harmless
from console.report.table import table
from fleet.model.snapshot import Snapshot
from tests.console.screens.desk import desk
from tests.fleets import make_snapshot
from themes.glyphs import UNICODE


def unseen(name: str) -> Snapshot:
    """A workload with one pod, on a separate node, in a fleet in which everything has this name."""
    snapshot = make_snapshot(workloads=1, pods_per=1)
    pod = replace(next(iter(snapshot.pods.values())), name=name, node=name)
    workload = replace(next(iter(snapshot.workloads.values())), name=name)
    model = replace(next(iter(snapshot.models.values())), name=f"{name}\u200b", workloads=(workload.key,))
    return replace(
        snapshot,
        pods={pod.key: pod},
        workloads={workload.key: workload},
        models={model.key: model},
        nodes={name: replace(next(iter(snapshot.nodes.values())), name=name)},
        pods_of={workload.key: (pod.key,)},
        workload_of={pod.key: workload.key},
        model_of={workload.key: model.key},
        engines={},
        engines_of={},
        gpus={},
        gpus_of={},
        gpus_on={},
        unmatched=(),
    )


NAMES = {"\u200b": r'"\u200b"', "": '""', "\x1b[0m": r'"\x1b[0m"', "\u3164": r'"\u3164"', " ": '" "'}


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=map(ascii, NAMES))
async def test_a_name_is_seen_on_every_screen_that_draws_it(name: str, shown: str) -> None:
    snapshot = unseen(name)
    async with desk(snapshot, size=(160, 60)) as d:
        workload, *pods = [line for line in d.lines if shown in line]
        assert "u200b" in workload, "the model's name beside it"
        assert pods, "the pods below it"
        await d.press("enter")
        assert any(shown in line for line in d.lines), "the page of the workload"
        await d.press("escape", "o")
        assert any(shown in line for line in d.lines), "the nodes"


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=map(ascii, NAMES))
def test_a_name_is_seen_in_the_plain_table(name: str, shown: str) -> None:
    lines = list(table(unseen(name), 160, UNICODE))
    assert sum(shown in line for line in lines) == 2, lines


@pytest.mark.parametrize("name", ["\u200b", "\x1b[0m", "\u3164", "\x00"])
def test_the_door_to_the_terminal_shows_what_would_not_be_seen(name: str) -> None:
    code = name.encode("unicode_escape").decode()
    assert harmless(f"first\t{name}\tlast\n") == f'first\t"{code}"\tlast\n'
