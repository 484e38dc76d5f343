"""Requests that are answered with an error (the raw guard of F30)."""

from __future__ import annotations

from fleet.diagnosis.cause import Cause, Of
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
)
