"""Faults of monitoring itself, as checks. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from console.doctor.check import Check, DoctorStatus
from fleet.monitoring.faults import Examined, Fault, Kind

_NAMED = 5
_WORDS = {
    Kind.NOT_EVALUATED: "rules are not evaluated",
    Kind.DEAD: "rules are about series that are not there",
    Kind.DOWN: "jobs have targets that are down",
    Kind.TWICE: "products are scraped twice",
}


def check_monitoring(examined: Examined) -> Iterator[Check]:
    """Whether rules and targets are what they seem."""
    looked = f"{examined.rules} rules, {examined.selectors} selectors"
    lies = [fault for fault in examined.faults if fault.kind in _WORDS]
    if not lies:
        yield Check("monitoring", DoctorStatus.OK, f"{looked}: nothing is wrong with them", examined.gaps)
    for kind, faults in groupby(lies, key=lambda fault: fault.kind):
        every = list(faults)
        more = (f"and {len(every) - _NAMED} more: :monitoring lists them",) if len(every) > _NAMED else ()
        details = (*map(_words, every[:_NAMED]), *more)
        yield Check(
            "monitoring", DoctorStatus.WARN, f"{len(every)} {_WORDS[kind]} ({looked})", details, every[0].remedy
        )


def _words(fault: Fault) -> str:
    return f"{fault.about}: {fault.what}"
