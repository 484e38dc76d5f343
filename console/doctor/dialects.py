"""Dialects whose metrics are read, and what each was checked against. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from console.doctor.check import DoctorCheck, DoctorStatus
from fleet.metrics.dialect import Dialect
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.snapshot import Snapshot


def check_dialects(snapshot: Snapshot) -> Iterator[DoctorCheck]:
    """Yield the products that are read; a warning if this fleet runs one never seen running in a check."""
    details = [
        f"{what}: {', '.join(map(_dialect_text, dialects))}"
        for what, dialects in (("engines", ENGINES), ("gateways", GATEWAYS), ("GPUs", GPUS))
        if dialects
    ]
    here = {name for origin in snapshot.origins.values() for name in origin.dialects}
    here |= {row.dialect for row in snapshot.gateways.values()}
    every = (*ENGINES, *GATEWAYS)
    doubtful = sorted(member.name for member in every if member.name in here and not member.proof.supported)
    if doubtful:
        finding = f"here, and supported from documentation only: {', '.join(doubtful)}"
        fix = "compare the values shown with their own /metrics, and report differences"
        yield DoctorCheck("dialects", DoctorStatus.WARN, finding, tuple(details), fix)
    else:
        known = f"{', '.join(sorted(here))} here" if here else "none of them is here"
        yield DoctorCheck(
            "dialects", DoctorStatus.OK, f"{len((*every, *GPUS))} products are supported, {known}", tuple(details)
        )


def _dialect_text(dialect: Dialect) -> str:
    versions = f" {dialect.versions}" if dialect.versions else ""
    return f"{dialect.name}{versions} ({dialect.proof.value})"
