"""Memory left behind by large answers: the resident set of a separate process, the same on any machine."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import pytest

from fleet.metrics.promql import TAG
from fleet.model.quantity import Quantity
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.past import _of_pods
from fleet.sources.prometheus.remembered_series import Remembered

BLOCKS = """
import sys
from fleet.memory import give_back, share_heaps

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4 / 1024

if "{managed}":
    share_heaps()
kept = []
begun = resident()
for _ in range(64):
    # Large ones come and go, and between them comes what stays.
    blocks = [bytearray(2**20) for _ in range(8)]
    kept += [bytes(2000 + i) for i in range(8)]
    blocks.pop(3)
    kept.append(bytes(3000))
    del blocks
if "{managed}":
    give_back()
print(resident() - begun)
"""


def grown(managed: str) -> float:
    """MiB that a process has more of when large blocks came and went."""
    found = subprocess.run(
        [sys.executable, "-c", BLOCKS.replace("{managed}", managed)], capture_output=True, text=True, check=True
    )
    return float(found.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the heaps of glibc are given back")
def test_large_blocks_go_back_to_the_system() -> None:
    # What stays is 1.6 MiB.
    assert grown("managed") < 4


def test_an_answer_is_gone_when_it_has_been_read() -> None:
    answer = Answer(
        b'{"status":"success","data":{"resultType":"vector","result":['
        b'{"metric":{"pod":"a"},"value":[1.5,"2"]},{"metric":{"pod":"b"},"value":[1.5,"3"]}]}}'
    )
    memory = Remembered[list[str]]()

    meaning, values = memory.read([answer], None, lambda series: [labels["pod"] for labels in series])

    assert (meaning, values[:2]) == (["a", "b"], [2.0, 3.0])
    assert list(answer.elements()) == []
    assert list(answer.texts()) == []


def test_a_point_of_the_past_is_one_number() -> None:
    pods, points = 300, 60
    times = [1_700_000_000.0 + 15 * i for i in range(points)]

    def series(pod: int) -> dict[str, object]:
        labels = {TAG: str(Quantity.WAITING), "namespace": "serving", "pod": f"pod-{pod}"}
        return {"metric": labels, "values": [[at, str(pod + 0.5)] for at in times]}

    answer = [series(pod) for pod in range(pods)]
    tracemalloc.start()
    found = _of_pods(answer)
    took, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [(entry.points[-1], len(entry.points)) for entry in found[:2]] == [
        ((times[-1], 0.5), 60),
        ((times[-1], 1.5), 60),
    ]
    # Eight bytes each, and for each line what says whose it is. As pairs they would be fifteen times that.
    assert took < pods * (8 * points * 1.2 + 600)
