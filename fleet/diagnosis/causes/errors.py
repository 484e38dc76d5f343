"""Requests that are answered with an error (the raw guard of F30)."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Help, Of
from fleet.diagnosis.sign import Is, Level, Row
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Severity

FAILING = 0.05
"""Share of requests answered with an error that nobody overlooks."""


class _Share:
    quantities = (Quantity.ERROR_RATIO,)

    def __call__(self, row: Row) -> str:
        return f"{100 * row.value(Quantity.ERROR_RATIO):.0f} % errors"


ERRORS = Cause[Row](
    id="errors",
    of=Of.ENGINE,
    severity=Severity.WARNING,
    sentence="The engine answers requests with errors.",
    words=_Share(),
    must=(Level(Quantity.ERROR_RATIO, Is.AT_LEAST, FAILING),),
    after=120,
    clears=300,
    alike=("queue-deep", "gpu-hardware-xid"),
    helps=(Help("read its log", "logs"), Help("see whether a rollout came before", "past")),
    decides=("which status codes: 503 is a queue that is full, 500 is the engine",),
)
