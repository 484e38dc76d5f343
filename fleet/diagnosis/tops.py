"""Greatest numbers of columns: these alone rule most signs out of a fleet that is well, for all rows at once."""

from __future__ import annotations

import math

from fleet.diagnosis.sign import Code, Either, Is, Level, Lowered, Reasons
from fleet.model.frame import Frame, greatest
from fleet.model.quantity import Quantity


class Tops:
    """The greatest numbers of a frame, each looked for once, when it is asked for."""

    def __init__(self, frame: Frame, reasons: Reasons) -> None:
        self.reasons = reasons
        self._frame = frame
        self._found: dict[Quantity, float] = {}

    def of(self, quantity: Quantity) -> float:
        """The greatest known number of a quantity; -inf for none."""
        found = self._found.get(quantity)
        if found is None:
            column = self._frame.columns.get(quantity)
            found = self._found[quantity] = -math.inf if column is None else greatest(column.values)
        return found


def may_hold(sign: object, tops: Tops) -> bool:
    """False where it holds at no row, by the greatest numbers alone."""
    match sign:
        case Level(how=Is.ABOVE):
            return tops.of(sign.quantity) > sign.limit
        case Level(how=Is.AT_LEAST):
            return tops.of(sign.quantity) >= sign.limit
        case Code():
            return tops.of(sign.quantity) > 0
        case Lowered():
            return bool(tops.reasons)
        case Either():
            return any(all(may_hold(each, tops) for each in way) for way in sign.ways)
        case _:
            return True
