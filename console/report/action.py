"""Actions as JSON documents: the plan and its outcome, and the revisions that can be restored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from actions.audit.redaction import redacted
from actions.planning.plan import Plan
from actions.planning.plan_json import recorded_plan
from actions.request import Target
from actions.revisions import Revision
from actions.running.progress import Outcome

SCHEMA = "quarterdeck/action/v1"
REVISIONS_SCHEMA = "quarterdeck/revisions/v1"


def document(plan: Plan, outcome: Outcome | None, *, reason: str = "") -> dict[str, Any]:
    """Return the document; ``outcome`` is None if nothing was done: a dry run, a blocked plan, a user who declined."""
    recorded = None if outcome is None else asdict(outcome) | {"result": str(outcome.result)}
    # As in the audit log: readers must not see a token given in --env.
    document: dict[str, Any] = redacted(
        {"schema": SCHEMA, "plan": recorded_plan(plan), "reason": reason, "outcome": recorded}
    )
    return document


def to_json(plan: Plan, outcome: Outcome | None, *, reason: str = "") -> str:
    """The document as text."""
    return json.dumps(document(plan, outcome, reason=reason), indent=2, ensure_ascii=False)


def revisions_json(target: Target, revisions: Sequence[Revision]) -> str:
    """Return the revisions in the given order, newest first. Likely secrets in command lines are redacted, and
    templates left out.
    """
    rows = [{name: value for name, value in asdict(each).items() if name != "template"} for each in revisions]
    document = redacted({"schema": REVISIONS_SCHEMA, "target": target.to_json(), "revisions": rows})
    return json.dumps(document, indent=2, ensure_ascii=False)
