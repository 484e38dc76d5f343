"""Sources that answer wrongly, or not at all."""

from __future__ import annotations

from fleet.model.snapshot import Health
from tests.eval.case import Case
from tests.eval.registry import NUMBERS, kind


@kind("api-server-down", "the API server does not answer; engines serve on", alone=True)
def api_down(case: Case) -> None:
    def down(_: float) -> None:
        case.health["kubernetes"] = (Health.DOWN, "connection refused")

    case.at(0, down)
    case.fault(
        ("source-down", "api-server-down"),
        "kubernetes",
        says="does not answer",
        evidence=("answer|refused",),
        actions=("sources",),
    )


@kind("clock-skew", "the clock of Prometheus is 45 seconds ahead", needs=(NUMBERS,), alone=True)
def clock_skew(case: Case) -> None:
    case.shape(lambda numbers, _: numbers.skew(45.0))
    case.fault(
        ("clock-skew", "clocks-differ"),
        "prometheus",
        says="clock",
        evidence=("clock|ahead|45",),
        actions=("sources", "monitoring"),
    )
