"""Nodes and their GPUs: the location of each, its facts, and the effect of a GPU's fault on its pod."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, GpuUse
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.worst import WORST, healthy, with_readings
from tests.fleets import make_snapshot


async def test_nodes_show_every_gpu_under_its_node() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, size=(160, 60)) as d:
        pod = healthy(snapshot)
        d.grid.move_to(pod)
        await d.press("o")
        assert d.grid.cursor == snapshot.gpus_of[pod][0]
        row = next(line for line in d.lines if pod[-9:] in line)
        heat = snapshot.by_gpu.value(snapshot.gpus_of[pod][0], Quantity.GPU_TEMPERATURE)
        assert f" {heat:.0f} " in row
        node = snapshot.pods[pod].node
        assert "0/8" in d.line_with(f" {node} ")
        await d.press("enter")
        assert pod.rpartition("/")[2] in d.lines[1]
        await d.press("escape", "escape")
        assert d.grid.cursor == pod


async def test_nodes_in_trouble_come_first_and_mig_instances_have_their_profile() -> None:
    snapshot = make_snapshot()
    gpu = snapshot.gpus_on["node-9"][3]
    mig = {gpu: snapshot.gpus[gpu]._replace(profile="1g.10gb", pod="", namespace="")}
    sick = {gpu: Assessment(Severity.CRITICAL, "XID 79")}
    rest = {key: Assessment(Severity.OK) for key in (*snapshot.gpus, *snapshot.nodes, *snapshot.pods) if key != gpu}
    use = {gpu: GpuUse.FREE}
    snapshot = replace(
        snapshot, gpu_use=use, gpus={**snapshot.gpus, **mig}, assessments={**snapshot.assessments, **sick, **rest}
    )
    async with desk(snapshot, size=(160, 60)) as d:
        await d.command("gpus")
        await d.press("g")
        assert "■ node-9" in d.lines[2]
        row = d.line_with("1g.10gb")
        assert "free, unhealthy" in row
        assert "1 unhealthy" in d.lines[2], "beside what is free there"
        assert "XID 79" in row


async def test_a_mig_slice_has_the_activity_of_its_sms_in_place_of_its_utilisation() -> None:
    snapshot = make_snapshot()
    key = healthy(snapshot)
    snapshot = with_readings(snapshot, GPU_UTIL=math.nan, SM_ACTIVE=0.17)
    async with desk(snapshot, size=(120, 40)) as d:
        d.grid.move_to(key)
        await d.settle()
        assert " ~17 " in d.line_with(key[-9:])


async def test_the_taint_that_every_gpu_node_has_is_not_told() -> None:
    snapshot = make_snapshot()
    taints = (("nvidia.com/gpu", "present", "NoSchedule"), ("maintenance", "", "NoExecute"))
    nodes = {**snapshot.nodes, "node-0": replace(snapshot.nodes["node-0"], taints=taints)}
    async with desk(replace(snapshot, nodes=nodes), size=(200, 60)) as d:
        await d.command("nodes")
        await d.press("slash")
        await d.type("node-0")
        await d.press("enter")
        assert "maintenance:NoExecute" in d.text
        assert "present" not in d.text


async def test_nodes_open_with_the_gpu_and_the_node_that_holds_it_in_view() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot, size=(80, 24)) as d:
        for pod in snapshot.pods_of[WORST]:
            if gpus := snapshot.gpus_of.get(pod):
                d.grid.move_to(pod)
                await d.press("o")
                assert d.grid.cursor == gpus[0]
                node = snapshot.pods[pod].node
                shown = d.grid.visible_keys
                assert shown.index(node) < shown.index(gpus[0])
                await d.press("escape")


async def test_the_fault_of_a_gpu_stands_before_what_it_made_of_its_pod() -> None:
    snapshot = make_snapshot()
    key = next(k for k in snapshot.pods_of[WORST] if snapshot.assessments[k].reason == "OOMKilled ×17")
    faulty = {snapshot.gpus_of[key][1]: Assessment(Severity.CRITICAL, "XID 79")}
    async with desk(replace(snapshot, assessments={**snapshot.assessments, **faulty}), size=(160, 40)) as d:
        assert "XID 79, OOMKilled ×17" in d.line_with(key[-9:])
        await d.open(key)
        assert "XID 79, OOMKilled ×17" in d.lines[1]
        assert "XID 79" in d.text


async def test_what_is_wrong_with_a_pod_stands_at_its_gpus_and_three_keys_narrow() -> None:
    snapshot = make_snapshot()
    key = healthy(snapshot)
    gpus, free = snapshot.gpus_of[key], snapshot.gpus_on["node-9"][-1]
    well = {k: Assessment(Severity.OK) for k in snapshot.assessments}
    snapshot = replace(
        snapshot,
        assessments={
            **well,
            **{g: Assessment(Severity.OK) for g in snapshot.gpus},
            key: Assessment(Severity.CRITICAL, "stuck"),
        },
        gpu_use={**snapshot.gpu_use, free: GpuUse.FREE},
    )
    async with desk(snapshot, size=(160, 60)) as d:
        d.grid.move_to(key)
        await d.press("o")
        rows = [line for line in d.lines if "GPU " in line and " stuck" in line]
        assert len(rows) == len(gpus)
        assert all("■" in row for row in rows)
        assert "1 sick pod" in d.line_with(f"■ {snapshot.pods[key].node} ")
        model = snapshot.gpus[gpus[0]].model.removeprefix("NVIDIA ")
        assert all(model not in row for row in rows), "the product once for each node"
        assert model in d.line_with(f"■ {snapshot.pods[key].node} ")
        for pressed, shown in (("x", len(gpus)), ("e", sum(u is GpuUse.FREE for u in snapshot.gpu_use.values()))):
            await d.press(pressed)
            assert sum("GPU " in line for line in d.lines[2:-3]) == shown
            await d.press("escape")
        d.grid.move_to(gpus[0])
        await d.press("equals_sign")
        name = snapshot.models[snapshot.model_of[snapshot.workload_of[key]]].name
        assert d.screen.narrowed == f"model:{name}"  # type: ignore[attr-defined]


async def test_enter_on_a_node_describes_it_and_what_is_shown_alone_is_said_in_words() -> None:
    snapshot = make_snapshot()
    session = ScriptedSession(texts={"describe": "Kubelet: v1"})
    async with desk(snapshot, session=session) as d:
        await d.press("o")
        d.grid.move_to(next(iter(snapshot.nodes)))
        await d.press("enter")
        await d.until(lambda: "Kubelet: v1" in d.text)
        assert session.asked[-1] == ("describe", snapshot.ref("Node", "", next(iter(snapshot.nodes))))
        await d.press("escape", "e")
        assert "only free GPUs; esc shows all" in d.screen.message_text
        await d.press("x")
        assert "only sick GPUs" in d.screen.message_text, "another of these keys asks something else"
        await d.press("x")
        assert not d.screen.message_text, "the same key again shows all"


REASON = "not ready: the container runtime has no network configuration"


@pytest.mark.parametrize(("size", "line"), [((120, 40), 0), ((200, 60), 0), ((80, 24), -2)])
async def test_what_is_wrong_with_a_node_is_read_whole(size: tuple[int, int], line: int) -> None:
    snapshot = make_snapshot()
    node = snapshot.pods[snapshot.pods_of[WORST][0]].node
    well = {key: Assessment(Severity.OK) for key in snapshot.assessments}
    sick = {**well, node: Assessment(Severity.CRITICAL, REASON)}
    async with desk(replace(snapshot, assessments=sick), size=size) as d:
        await d.command("nodes")
        d.grid.move_to(node)
        await d.settle()
        assert REASON in (d.lines[line] if line else d.line_with(f" {node} "))
        assert d.text.count(REASON) == 1


async def test_the_numbers_of_gpus_stay_in_their_columns_beside_a_long_status() -> None:
    snapshot = make_snapshot()
    plain = {key: Assessment(Severity.OK) for key in snapshot.assessments}
    async with desk(replace(snapshot, assessments=plain)) as d:
        await d.command("nodes")
        node = next(key for key in d.grid.visible_keys if key in snapshot.nodes)
        gpus = [line for line in d.lines if " GPU " in line]
        sick = {**plain, node: Assessment(Severity.OK, REASON)}
        await d.deliver(replace(d.desk.snapshot or snapshot, sequence=2, assessments=sick))
        assert [line for line in d.lines if " GPU " in line] == gpus
        assert REASON in d.line_with(f" {node} ")
        await d.deliver(replace(d.desk.snapshot or snapshot, sequence=3, assessments=plain))
        assert REASON not in d.text


async def test_on_the_smallest_screen_numbers_are_in_the_rows_and_the_reason_is_above_the_keys() -> None:
    snapshot = make_snapshot()
    node = snapshot.pods[healthy(snapshot)].node
    well = {key: Assessment(Severity.OK) for key in snapshot.assessments}
    sick = {**well, node: Assessment(Severity.CRITICAL, REASON)}
    async with desk(replace(snapshot, assessments=sick), size=(40, 10)) as d:
        await d.command("nodes")
        d.grid.move_to(node)
        await d.settle()
        assert all(title in d.lines[1] for title in ("FREE", "UTIL%", "°C"))
        assert d.lines[-2].startswith(f" {REASON[:30]}")
