"""A plan as JSON values, for the audit log and ``--json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from actions.planning.plan import Plan, Undo
from actions.request import to_json


def recorded_plan(plan: Plan) -> dict[str, Any]:
    """Return the whole plan except for what only its execution needs (``facts``)."""
    return {
        "id": plan.id,
        "kind": plan.kind,
        "title": plan.title,
        "made_at": plan.made_at,
        "scope": asdict(plan.scope),
        "target": plan.target.to_json(),
        "targets": [target.to_json() for target in plan.request.targets],
        "request": to_json(plan.request),
        "verdict": str(plan.verdict),
        "checks": [asdict(check) | {"verdict": str(check.verdict)} for check in plan.checks],
        "changes": [asdict(change) for change in plan.changes],
        "blast": [asdict(change) for change in plan.impact],
        "tables": [asdict(table) for table in plan.tables],
        "steps": [{"title": step.title, "detail": step.detail} for step in plan.steps],
        "requests": [asdict(mutation) for mutation in plan.mutations],
        "diff": plan.diff,
        "undoes": plan.undoes,
        "undo": recorded_undo(plan.undo),
        **plan.recorded,
    }


def recorded_undo(undo: Undo) -> dict[str, Any]:
    """The way back."""
    return {"text": undo.text, "request": to_json(undo.request) if undo.request is not None else None}
