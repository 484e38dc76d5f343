"""The cluster in view among those of a store: the one of which it scrapes pods under their names and addresses.

Names of pods alone do not tell it, since clusters have the same ones; nor do addresses, whose ranges are the same.
Where some series name no cluster, the one in view may have put its name on engines alone: nothing is left out then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import CLUSTER_LABEL, NAMESPACE_LABELS, POD_LABELS, first
from fleet.metrics.promql import selector
from fleet.metrics.queries import running_names
from fleet.model.objects import Pod


def question(engines: DialectSet, gpus: DialectSet) -> str:
    """Return the query for the clusters, pods and addresses of all engines, and the clusters of all GPUs."""
    by = ", ".join((CLUSTER_LABEL, *NAMESPACE_LABELS, *POD_LABELS, "instance"))
    names = dict.fromkeys(name for dialect in chain(engines, gpus) for name in running_names(dialect))
    return " or ".join(f"count by ({by}) ({selector(name)})" for name in names)


def own_cluster(answer: Iterable[Mapping[str, Any]], pods: Mapping[str, Pod]) -> str:
    """Return the only cluster with an engine of these pods; empty where it is none, or several, or where series have
    no cluster.
    """
    every = list(answer)
    if not all(series["metric"].get(CLUSTER_LABEL) for series in every):
        return ""
    found = set(_clusters(every, pods))
    return found.pop() if len(found) == 1 else ""


def _clusters(answer: Iterable[Mapping[str, Any]], pods: Mapping[str, Pod]) -> Iterator[str]:
    for series in answer:
        labels: Mapping[str, str] = series["metric"]
        pod = pods.get(f"{first(labels, NAMESPACE_LABELS)}/{first(labels, POD_LABELS)}")
        host = labels.get("instance", "").rpartition(":")[0].strip("[]")
        if pod is not None and pod.ip and pod.ip == host:
            yield labels[CLUSTER_LABEL]
