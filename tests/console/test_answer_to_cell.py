"""The path from an answer of Prometheus to the cells of the fleet: no file is entered again after it was left.

The way is what is called from the measurement to the cell, on any thread. A file is left where a function of it calls
one of another file, and entered again where that, or what it calls, calls back: such a flow is to be read in circles.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from console.views.fleet import FleetTable
from console.views.query import Query
from fleet import workers
from fleet.model.quantity import Quantity
from fleet.snapshot.builder import Builder
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests import toys
from tests.fleet.metrics.servers import Job, exporters, prometheus
from tests.fleet.rows import deployment, kube, node
from tests.fleet.test_toys import _pods
from tests.waiting import block_until

ROOT = Path(__file__).parents[2]
MEASURED = ("sources/prometheus/remembered_series", "metrics/answer_columns", "snapshot/frames", "snapshot/aggregate")
"""Files that make columns, or fold them; cells are made of the columns."""
ROOMS = ("console", "fleet", "widgets")
WRITTEN_THERE = frozenset({"<genexpr>", "<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>"})
"""Pieces of a function, which are not entered: what they call is."""
WORKER = workers._carry_out.__code__
"""The start of a stack: work handed to a thread counts as called by the code that handed it over."""


class Files:
    """The files that were entered, and the ways that led back to one of them."""

    def __init__(self) -> None:
        self.entered: set[str] = set()
        self.again: set[str] = set()
        self._names: dict[str, str] = {}

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """Record a call, for ``sys.setprofile``."""
        name = self._name(frame) if event == "call" else ""
        if not name or frame.f_code.co_name in WRITTEN_THERE:
            return
        self.entered.add(name)
        way, left, at = [f"{name}:{frame.f_code.co_name}"], False, frame.f_back
        while at is not None and at.f_code is not WORKER:
            if other := self._name(at):
                way.append(f"{other}:{at.f_code.co_name}")
                if left and other == name:
                    self.again.add(" < ".join(way))
                    return
                left = left or other != name
            at = at.f_back

    def _name(self, frame: FrameType) -> str:
        """The file of a function of ours, in its room; empty for any other."""
        file = frame.f_code.co_filename
        if file not in self._names:
            path = Path(file)
            name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
            self._names[file] = name if name.startswith(ROOMS) else ""
        return self._names[file]

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record all calls meanwhile, also on threads that begin meanwhile."""
        threading.setprofile(self.profile)
        sys.setprofile(self.profile)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)


@pytest.mark.real("prometheus")
async def test_no_file_is_entered_again(tmp_path: Path) -> None:
    start, files = time.monotonic(), Files()

    def since() -> float:
        return time.monotonic() - start

    with toys.known(), exporters() as server:
        server.pages["/duck"] = lambda: toys.engine_page(since())
        server.pages["/swan"] = lambda: toys.nameless_page(since())
        server.pages["/gate"] = lambda: toys.gateway_page(since(), ("10.0.0.1:7411",))
        server.pages["/cards"] = lambda: toys.card_page("duck-0")
        jobs = [
            Job("duck", "/duck", {"namespace": "llm", "pod": "duck-0"}),
            Job("swan", "/swan", {"namespace": "llm", "pod": "swan-0"}),
            Job("gate", "/gate", {"namespace": "edge", "pod": "gate-0"}),
            Job("cards", "/cards", {"namespace": "ops", "pod": "cards-0"}),
        ]
        with prometheus(tmp_path, server.address, jobs) as running:
            block_until(lambda: bool(running.query("rate(quack_kilowords[4s] offset 2s)", time.time())))
            table, builder, drawing = FleetTable(), Builder(), Files()
            source = PrometheusSource(PrometheusEndpoint(running.url), window=4.0)
            for _ in range(2):
                with files.recorded():
                    measured = await source.measure(["llm/duck-0"], at=time.time() - 1.5)
                    workloads = [w for name in ("duck", "swan") for w in deployment(name, namespace="llm")]
                    snapshot = builder.build(kube(_pods(), workloads, [node("n1")]), measured, (), measured.at)
                with drawing.recorded():
                    model = table.model_of(snapshot, Query())
                    cells = [cell for key in snapshot.workloads for cell in model.row(key).cells]
            await source.close()
    assert snapshot.by_workload.value("llm/Deployment/duck", Quantity.RUNNING) == 3
    assert cells
    assert files.again == drawing.again == set()
    # All of the way was recorded, and what makes columns is left for good when cells are made of them.
    made = {f"fleet/{name}.py" for name in MEASURED}
    assert made <= files.entered
    assert {"console/views/fleet.py", "console/views/row_cells.py", "fleet/model/frame.py"} <= drawing.entered
    assert drawing.entered.isdisjoint(made)
