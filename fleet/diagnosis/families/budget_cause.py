"""Error budgets that burn too fast."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.error_budget import BurningBudget
from fleet.model.snapshot import Snapshot


class BudgetCause(Cause[BurningBudget]):
    """A cause at a workload whose error budget burns too fast."""

    of = SubjectKind.OBJECTIVE

    def subject(self, subjects: Subjects, key: str) -> BurningBudget | None:
        return None if subjects.snapshot is None else subjects.snapshot.burning.get(key)


class BurningBudgets(SearchByKey[BudgetCause]):
    """Finds the workloads whose error budgets burn fast enough to be reported."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.burning,)

    def keys(self, snapshot: Snapshot) -> Iterable[str]:
        return snapshot.burning
