"""docs/dialects.md, written from the dialects: ``python -m console.report.dialects > docs/dialects.md``."""

from __future__ import annotations

from collections.abc import Iterator

from console.views.missing_numbers import OF_ENGINES, OF_GATEWAYS, OF_GPUS
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.quantity import Quantity

INTRODUCTION = """\
# Supported metrics

Each engine, gateway and GPU exporter has a module of data (a dialect) with the names of its metrics. What a product
does not expose is drawn `–`, and the page of the pod or workload says so.

A dialect proved by a real program (the tests run it) or by a recording of one (the tests replay it) is supported. One
proved by documentation alone follows the product's documentation or source and has not been tried on a real server yet.
"""


def lines() -> Iterator[str]:
    """The page, line by line."""
    yield from INTRODUCTION.splitlines()
    yield from _table("Engines", ENGINES, tuple(OF_ENGINES.items()))
    yield from _table("Gateways and routers", GATEWAYS, tuple(OF_GATEWAYS.items()))
    yield from _table("Exporters of GPUs", GPUS, tuple(OF_GPUS.items()))


def _table(title: str, dialects: DialectSet, shown: tuple[tuple[Quantity, str], ...]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    if not dialects:
        yield "None yet."
        return
    yield from ("| product | releases | supported | proved by | does not expose |", "|---|---|---|---|---|")
    for dialect in dialects:
        missing = ", ".join(name for quantity, name in shown if not dialect.exposes(quantity)) or "–"
        supported = "yes" if dialect.proof.supported else "no"
        yield f"| {dialect.name} | {dialect.versions or '–'} | {supported} | {dialect.proof.value} | {missing} |"


if __name__ == "__main__":
    print("\n".join(lines()))
