"""docs/snapshot.md, written from the vocabulary: ``python -m console.report.docs > docs/snapshot.md``."""

from __future__ import annotations

from collections.abc import Iterator

from console.report.document import SCHEMA
from fleet.model.quantity import (
    ENGINE_QUANTITIES,
    GATEWAY_QUANTITIES,
    GPU_QUANTITIES,
    MEANINGS,
    Combine,
    Quantity,
    Unit,
)

INTRODUCTION = f"""\
# `quarterdeck snapshot --json`

One document of schema `{SCHEMA}` on stdout: every pod in view, with everything that is known about it. The JSON schema
is [snapshot.schema.json](snapshot.schema.json); the package ships it as `console/report/snapshot.schema.json`.

- Within v1 fields may be added; none is removed and none changes its meaning.
- A field without a value is absent. An absent reading is missing, which does not mean zero; `metrics` of the object
  says whether its source answers (`missing`) or not (`unknown`).
- Numbers are exact: nothing is rounded. A PromQL query at `measured_at` over `window` seconds returns the same ones.
- Rates and percentiles cover `window` seconds. Percentiles come from merged histogram buckets; none is an average.
- A percentile in the lowest bucket has `bound: at_most`, in the highest `bound: at_least`; `edge` is the bucket's edge.
- Objects refer to each other by `key`, and lists are in the order of it.

```sh
quarterdeck snapshot --json | jq -r '.pods[] | select(.severity == "critical") | "\\(.key)\\t\\(.reason)"'
quarterdeck snapshot --json | jq '.workloads[] | {{key, ttft: .readings.ttft_p95.value}}'
```

The exit code is 0 with a Snapshot, 1 where it is empty because no pod may be listed, 3 where neither the API server nor
a source of metrics could be reached (the document is printed all the same), 2 for wrong flags or a configuration that
cannot be used.

## Readings
"""

_COMBINE_WORDS = {
    Combine.SUM: "sum",
    Combine.WHOLE: "sum, missing when a part is",
    Combine.MEAN: "mean",
    Combine.MAX: "maximum",
    Combine.MIN: "minimum",
    Combine.RATIO: "ratio of the sums",
    Combine.QUANTILE: "percentile of the merged histograms",
}
_UNIT_WORDS = {Unit.COUNT: "–", Unit.RATIO: "ratio 0–1"}


def lines() -> Iterator[str]:
    """The page, line by line."""
    yield from INTRODUCTION.splitlines()
    yield from _table("Of engines, pods, workloads and models", "engines", ENGINE_QUANTITIES)
    yield from _gateways()
    yield from _table("Of GPUs, and of the pods, workloads and models that hold them", "GPUs", GPU_QUANTITIES)


def _gateways() -> Iterator[str]:
    yield from ("", "### Of gateways, and of the models behind them", "")
    yield from ("| name | unit | what it is | of the gateways of a model |", "|---|---|---|---|")
    for quantity in GATEWAY_QUANTITIES:
        meaning = MEANINGS[quantity]
        unit = _UNIT_WORDS.get(meaning.unit, meaning.unit.value)
        yield f"| `{quantity}` | {unit} | {meaning.text} | {_COMBINE_WORDS[meaning.to_group]} |"


def _table(title: str, parts: str, quantities: tuple[Quantity, ...]) -> Iterator[str]:
    yield from ("", f"### {title}", "")
    yield f"| name | unit | what it is | of the {parts} of a pod | of the {parts} of a workload or model |"
    yield "|---|---|---|---|---|"
    for quantity in quantities:
        meaning = MEANINGS[quantity]
        unit = _UNIT_WORDS.get(meaning.unit, meaning.unit.value)
        to_pod, to_group = _COMBINE_WORDS[meaning.to_pod], _COMBINE_WORDS[meaning.to_group]
        yield f"| `{quantity}` | {unit} | {meaning.text} | {to_pod} | {to_group} |"


if __name__ == "__main__":
    print("\n".join(lines()))
