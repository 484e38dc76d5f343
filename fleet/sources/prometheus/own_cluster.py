"""The cluster in view among those of a store: the one of which it scrapes pods under their names and addresses.

Names of pods alone do not tell it, since clusters have the same ones; nor do addresses, whose ranges are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import CLUSTER_LABEL, NAMESPACE_LABELS, POD_LABELS, first
from fleet.metrics.promql import selector
from fleet.metrics.queries import running_names
from fleet.model.objects import Pod


def question(dialects: DialectSet) -> str:
    """Return the query for the clusters, pods and addresses of all engines."""
    by = ", ".join((CLUSTER_LABEL, *NAMESPACE_LABELS, *POD_LABELS, "instance"))
    names = dict.fromkeys(name for dialect in dialects for name in running_names(dialect))
    return " or ".join(f"count by ({by}) ({selector(name)})" for name in names)


def own_cluster(answer: Iterable[Mapping[str, Any]], pods: Mapping[str, Pod]) -> str:
    """Return the only cluster with an engine of these pods; empty where it is none, or several."""
    found = set(_clusters(answer, pods))
    return found.pop() if len(found) == 1 else ""


def _clusters(answer: Iterable[Mapping[str, Any]], pods: Mapping[str, Pod]) -> Iterator[str]:
    for series in answer:
        labels: Mapping[str, str] = series["metric"]
        pod = pods.get(f"{first(labels, NAMESPACE_LABELS)}/{first(labels, POD_LABELS)}")
        host = labels.get("instance", "").rpartition(":")[0].strip("[]")
        if pod is not None and pod.ip and pod.ip == host and labels.get(CLUSTER_LABEL):
            yield labels[CLUSTER_LABEL]
