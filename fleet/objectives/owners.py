"""The owner of the requests that a series counts, by the common part of a workload's pod names.

A month's budget covers pods that mostly no longer exist, and no store records their workload. So names are shortened in
the store's query, which returns a row per workload and model however many pods there were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import NAMESPACE_LABELS, POD_LABELS, first

_RANDOM = "bcdfghjklmnpqrstvwxz2456789"
"""The letters that Kubernetes makes names of (k8s.io/apimachinery, ``rand.String``)."""
PATTERN: Final = f"(.+?)((-[{_RANDOM}]{{1,10}})?-[{_RANDOM}]{{5}}|-[0-9]+)?"
"""Pattern of a pod's name: the common part, then the random or numbered suffix."""
STEM: Final = "pod_stem"
"""Label for that name."""
_SPELLINGS = 2
"""The labels that may name a pod and are read: the others are of exporters that few run."""
_NAME = re.compile(PATTERN)


class RequestOwner(NamedTuple):
    """The owner of some requests; a missing label is empty."""

    namespace: str
    stem: str
    model: str = ""


def stem_of(pod: str) -> str:
    """Return the part of a pod's name that it shares with its workload's other pods."""
    found = _NAME.fullmatch(pod)
    return found[1] if found else pod


def with_stem(vector: str) -> str:
    """A vector with the label ``STEM``; without it where no label names a pod."""
    # Where the exporter's own pod is named too, the first of the labels is the workload's: it is written last.
    for label in reversed(POD_LABELS[:_SPELLINGS]):
        vector = f'label_replace({vector}, "{STEM}", "$1", "{label}", "{PATTERN}")'
    return vector


def owner_labels(dialects: DialectSet) -> tuple[str, ...]:
    """The labels that an owner is read from."""
    return (*NAMESPACE_LABELS[:_SPELLINGS], STEM, *dialects.model_labels)


def owner_of(labels: Mapping[str, str], dialects: DialectSet) -> RequestOwner:
    """The owner of a row of such an answer."""
    return RequestOwner(
        first(labels, NAMESPACE_LABELS[:_SPELLINGS]), labels.get(STEM, ""), first(labels, dialects.model_labels)
    )
