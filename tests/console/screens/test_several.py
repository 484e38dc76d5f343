"""One plan for the marked rows: of one kind, each with its own number, in one request."""

from __future__ import annotations

from actions.kinds.cordon import Cordon
from actions.kinds.drain_node import DrainNode
from actions.kinds.rollback import RollBack
from actions.kinds.scale import Scale
from actions.request import InTurn, Request
from console.commands.command import ScreenId
from console.config.options import Options
from tests.console.screens.desk import Desk, desk
from tests.console.screens.plans import acting
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot

SNAPSHOT = make_snapshot()
OTHER = next(
    key
    for key, one in SNAPSHOT.workloads.items()
    if key != WORST and one.kind == "Deployment" and key in SNAPSHOT.model_of
)


async def mark(d: Desk, *keys: str) -> None:
    for key in keys:
        d.grid.move_to(key)
        await d.press("space")


async def planned(d: Desk) -> Request:
    await d.until(lambda: d.screen.where is ScreenId.PLAN)
    ((_, request),) = d.session.acts.asked
    assert isinstance(request, Request)
    return request


async def test_so_many_more_are_more_than_each_has() -> None:
    async with desk(SNAPSHOT, session=acting()) as d:
        await mark(d, WORST, OTHER)
        assert d.screen.message_text == "2 marked; esc unmarks"
        await d.press("s")
        numbers = [SNAPSHOT.workloads[key].desired for key in (WORST, OTHER)]
        names = [SNAPSHOT.workloads[key].name for key in (WORST, OTHER)]
        line = next(line for line in d.lines if "replicas of each of" in line)
        assert all(name in line for name in names)
        await d.type("+1")
        await d.press("enter")
        request = await planned(d)
        assert isinstance(request, InTurn)
        parts = {part.target.name: part.replicas for part in request.parts if isinstance(part, Scale)}
        assert parts == {name: number + 1 for name, number in zip(names, numbers, strict=True)}
        uids = {SNAPSHOT.workloads[key].uid for key in (WORST, OTHER)}
        assert {target.uid for target in request.targets} == uids


async def test_several_go_back_to_the_revision_before_without_choosing_one() -> None:
    async with desk(SNAPSHOT, session=acting()) as d:
        await mark(d, WORST, OTHER)
        await d.press("b")
        request = await planned(d)
        assert isinstance(request, InTurn)
        assert [type(part) for part in request.parts] == [RollBack, RollBack]


async def test_what_is_marked_and_cannot_be_done_is_named() -> None:
    pod = SNAPSHOT.pods_of[WORST][0]
    async with desk(SNAPSHOT, session=acting()) as d:
        await mark(d, WORST, pod)
        await d.press("s")
        name = SNAPSHOT.pods[pod].name
        assert f"Scale: this is a pod ({name}); esc clears the marks" in d.screen.message_text
        await d.press("r")
        assert "workloads and pods are marked; esc clears the marks" in d.screen.message_text
        assert d.session.acts.asked == []


async def test_marked_nodes_are_cordoned_or_drained_by_one_plan() -> None:
    names = [name for name, node in SNAPSHOT.nodes.items() if not node.unschedulable][:2]
    for key, kinds in (("c", [Cordon, Cordon]), ("r", [Cordon, Cordon, DrainNode, DrainNode])):
        async with desk(SNAPSHOT, session=acting()) as d:
            await d.press("o")
            await mark(d, *names)
            await d.press(key)
            request = await planned(d)
            assert isinstance(request, InTurn)
            assert [type(part) for part in request.parts] == kinds
            assert {target.name for target in request.targets} == set(names)


async def test_a_marked_gpu_stands_for_its_node_once() -> None:
    node = next(name for name, gpus in SNAPSHOT.gpus_on.items() if len(gpus) > 1 and name in SNAPSHOT.nodes)
    async with desk(SNAPSHOT, session=acting()) as d:
        await d.press("o")
        await mark(d, *SNAPSHOT.gpus_on[node][:2])
        await d.press("c")
        assert (await planned(d)).target.name == node


async def test_in_read_only_mode_marks_act_on_nothing() -> None:
    async with desk(SNAPSHOT, options=Options(read_only=True)) as d:
        await mark(d, WORST, OTHER)
        await d.press("s")
        assert d.screen.where is ScreenId.FLEET
        assert (d.session.asked, d.session.acted) == ([], 0)
