"""Messages of events that no agent writes: they cost no more than their length, and stop no diagnosis."""

from __future__ import annotations

import pytest

from fleet.diagnosis.causes.node_reports import GPU_ERROR
from fleet.diagnosis.families.node_report_cause import NodeReports
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.events import LONGEST, project_event
from tests.fleet.rows import node

MUCH = 200_000


def _reports(message: str) -> NodeReports:
    event = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Node", "name": "n0"}, "message": message}
    return NodeReports(node("n0"), [project_event(event, Interner())])


@pytest.mark.parametrize(
    "message",
    [
        "Xid" + " " * MUCH,
        "Xid (" * MUCH,
        "amdgpu" * MUCH,
        "GPU " * MUCH,
        "Xid: " + "9" * MUCH,
    ],
    ids=["blanks", "brackets", "names", "words", "digits"],
)
def test_what_no_kernel_writes_is_no_error_of_a_gpu(message: str) -> None:
    of = _reports(message)
    assert not GPU_ERROR.holds(of)
    assert len(of.events[0].message) == LONGEST


def test_a_code_of_the_hardware_is_found_among_others() -> None:
    assert GPU_ERROR.holds(_reports("NVRM: Xid (PCI:0000:3b:00): 31, MMU Fault; NVRM: Xid (PCI:0000:3b:00): 79, GPU"))
    assert not GPU_ERROR.holds(_reports("NVRM: Xid (PCI:0000:3b:00): 31, MMU Fault"))
