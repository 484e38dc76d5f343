"""Describe and YAML: in colour, folded, and with names that lead on."""

from __future__ import annotations

from console.views.object_links import named_in
from fleet.model.objects import ObjectRef
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot
from themes.palette import Role
from widgets.document_view import DocumentView

YAML = """kind: Pod
metadata:
  name: it
  labels:
    a: b
    c: d
spec:
  nodeName: node-0
  containers:
  - name: vllm
    image: x
  - name: beside
status:
  phase: Running
"""


async def test_a_document_is_coloured_folds_and_what_is_searched_for_is_opened() -> None:
    session = ScriptedSession(texts={"yaml": YAML})
    async with desk(make_snapshot(), session=session) as d:
        await d.press("down", "y")
        await d.until(lambda: "phase: Running" in d.text)
        view = d.screen.query_one(DocumentView)
        line = view.lines(80, 3)[2]
        assert [span.role for span in line.spans if span.text.strip()][:2] == [Role.ACCENT, Role.TEXT]
        await d.press("x")
        assert "labels: … 2 lines" in d.text
        assert "containers: … 3 lines" in d.text
        assert "image: x" not in d.text
        await d.press("slash", *"image", "enter")
        assert "image: x" in d.text


async def test_what_a_description_names_is_gone_to() -> None:
    snapshot = make_snapshot()
    key = next(key for key, pod in snapshot.pods.items() if pod.node and snapshot.workload_of.get(key))
    pod, workload = snapshot.pods[key], snapshot.workloads[snapshot.workload_of[key]]
    text = f"Name:             {pod.name}\nNode:             {pod.node}\nControlled by:    ReplicaSet/x-1\n"
    text += f"Volumes:          cache: persistentVolumeClaim weights\nMessage:          of {workload.name}\n"
    of = snapshot.ref("Pod", pod.namespace, pod.name)
    refs = [ref for _, ref in named_in(text, of, snapshot)]
    assert refs == [
        snapshot.ref("Node", "", pod.node),
        snapshot.ref("ReplicaSet", pod.namespace, "x-1"),
        snapshot.ref("PersistentVolumeClaim", pod.namespace, "weights"),
        snapshot.ref("Deployment", pod.namespace, workload.name),
    ]
    session = ScriptedSession(texts={"describe": text})
    async with desk(snapshot, session=session) as d:
        d.grid.move_to(key)
        await d.press("d")
        await d.until(lambda: "Controlled by" in d.text)
        await d.press("tab", "tab", "enter")
        await d.until(lambda: session.asked[-1] == ("describe", refs[1]))
        assert str(refs[1]) in d.lines[1]


def test_an_object_does_not_lead_to_itself() -> None:
    snapshot = make_snapshot()
    node = next(iter(snapshot.nodes))
    assert named_in(f"Name:  {node}\n", ObjectRef("Node", "", node, snapshot.cluster.id), snapshot) == []
