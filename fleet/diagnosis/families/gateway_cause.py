"""Causes at the gateways before a model: what they answer, and which engines they see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.gateway_subject import GatewaySubject, gateway_subject
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.diagnosis.thresholds_of_answers import POOL_FULL
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

_SEEN = (
    Quantity.GATEWAY_ERRORS,
    Quantity.GATEWAY_BREAKERS,
    Quantity.GATEWAY_RETRIES,
    Quantity.GATEWAY_STALE,
    Quantity.GATEWAY_QUEUED,
    Quantity.GATEWAY_INDEX_ERRORS,
    Quantity.GATEWAY_UNMATCHED,
)
"""Numbers that are 0 while all is well."""
_LOADS = (Quantity.GATEWAY_PREFILL_LOAD, Quantity.GATEWAY_DECODE_LOAD)
_FULL = min(value for value in (POOL_FULL.chat, POOL_FULL.autocomplete, POOL_FULL.batch) if value is not None)
"""Saturation below which no half of a pool is full, whatever the profile."""
_SLOWEST = 0.5
"""Seconds to the first token at gateways below which nobody asks where they are spent."""


@dataclass(frozen=True, kw_only=True)
class GatewayCause(Cause[GatewaySubject]):
    """A cause at the gateways before a workload's model, by their numbers."""

    of: ClassVar[SubjectKind] = SubjectKind.TRAFFIC

    def subject(self, subjects: Subjects, key: str) -> GatewaySubject | None:
        return None if subjects.snapshot is None else gateway_subject(subjects.snapshot, key)


class GatewaysOfModels(SearchByKey[GatewayCause]):
    """Finds the models with something wrong at their gateways, each at the largest workload of the model."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.before_models.columns, snapshot.models, snapshot.workloads, snapshot.pods)

    def keys(self, snapshot: Snapshot) -> Iterator[str]:
        for model in _noticed(snapshot):
            key = _largest(snapshot, snapshot.models[model].workloads)
            if key:
                yield key


def _noticed(snapshot: Snapshot) -> Iterator[str]:
    """Yield the models whose gateways count something that is not there while all is well, or are slow or deaf."""
    frame = snapshot.before_models
    rows = range(len(frame.keys))
    columns = [frame.values(rows, one) for one in _SEEN if one in frame.columns]
    loads = [frame.values(rows, one) for one in _LOADS if one in frame.columns]
    endpoints, learned, ttft = (
        frame.values(rows, one)
        for one in (Quantity.GATEWAY_ENDPOINTS, Quantity.GATEWAY_INDEX_ADMISSIONS, Quantity.GATEWAY_TTFT_P50)
    )
    for row, model in enumerate(frame.keys):
        odd = 0 in (endpoints[row], learned[row]) or any(column[row] > 0 for column in columns)
        odd = odd or any(load[row] >= _FULL for load in loads)
        if model in snapshot.models and (odd or ttft[row] >= _SLOWEST):
            yield model


def _largest(snapshot: Snapshot, workloads: Sequence[str]) -> str:
    there = [key for key in workloads if key in snapshot.workloads]
    return max(there, key=lambda key: (snapshot.workloads[key].desired, key), default="")
