"""A file of rules, as promtool and Prometheus read it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import yaml

from fleet.metrics.dialect_set import DialectSet
from fleet.model.snapshot import Snapshot
from fleet.objectives.board import ObjectiveRow, stems_of
from fleet.rules.causes import cause_rules
from fleet.rules.objectives import objective_rules


def rule_file(
    snapshot: Snapshot, rows: Iterable[ObjectiveRow], dialects: DialectSet, names: Collection[str], window: float
) -> dict[str, Any]:
    """The groups of rules of a fleet; ``names`` are the metrics that its store has."""
    groups = []
    for row in rows:
        stems = {stem for key in row.subject.workloads for stem in stems_of(snapshot, key)}
        if rules := list(objective_rules(row, stems, dialects, names)):
            groups.append({"name": f"quarterdeck objectives {row.key}", "interval": "30s", "rules": rules})
    if causes := list(cause_rules(dialects, names, window)):
        groups.append({"name": "quarterdeck causes", "rules": causes})
    return {"groups": groups}


def as_yaml(document: dict[str, Any]) -> str:
    """The file as text."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
