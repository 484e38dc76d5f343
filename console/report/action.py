"""An action as a JSON document: the plan that was made, and how it ended."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from actions.audit.redaction import redacted
from actions.plan import Plan
from actions.progress import Outcome
from actions.recorded import recorded_plan

SCHEMA = "quarterdeck/action/v1"


def document(plan: Plan, outcome: Outcome | None, *, reason: str = "") -> dict[str, Any]:
    """``outcome`` is None where nothing was done: a dry run, a plan that is blocked, a person who said no."""
    told = None if outcome is None else asdict(outcome) | {"result": str(outcome.result)}
    # As in the audit log: a token that was given in --env is nobody's business who reads this.
    document: dict[str, Any] = redacted(
        {"schema": SCHEMA, "plan": recorded_plan(plan), "reason": reason, "outcome": told}
    )
    return document


def to_json(plan: Plan, outcome: Outcome | None, *, reason: str = "") -> str:
    """The document as text."""
    return json.dumps(document(plan, outcome, reason=reason), indent=2, ensure_ascii=False)
