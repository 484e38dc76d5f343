"""Faults of monitoring itself, as checks. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from console.doctor.check import DoctorCheck, DoctorStatus
from fleet.model.counting import count
from fleet.monitoring.faults import Examined, FaultKind, MonitoringFault

_NAMED = 5
# Singular and plural.
_WORDS = {
    FaultKind.NOT_EVALUATED: ("rule is not evaluated", "rules are not evaluated"),
    FaultKind.DEAD: ("rule refers to series that do not exist", "rules refer to series that do not exist"),
    FaultKind.DOWN: ("job has targets that are down", "jobs have targets that are down"),
    FaultKind.TWICE: ("product is scraped twice", "products are scraped twice"),
}


def check_monitoring(examined: Examined) -> Iterator[DoctorCheck]:
    """Check that rules and targets are as they appear."""
    looked = f"{count(examined.rules, 'rule')}, {count(examined.selectors, 'selector')}"
    lies = [fault for fault in examined.faults if fault.kind in _WORDS]
    if not lies:
        yield DoctorCheck("monitoring", DoctorStatus.OK, f"{looked}: no problems", examined.gaps)
    for kind, faults in groupby(lies, key=lambda fault: fault.kind):
        every = list(faults)
        more = (f"and {len(every) - _NAMED} more: :monitoring lists them",) if len(every) > _NAMED else ()
        details = (*map(_words, every[:_NAMED]), *more)
        yield DoctorCheck(
            "monitoring", DoctorStatus.WARN, f"{count(len(every), *_WORDS[kind])} ({looked})", details, every[0].remedy
        )


def _words(fault: MonitoringFault) -> str:
    return f"{fault.about}: {fault.what}"
