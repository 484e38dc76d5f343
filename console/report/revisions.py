"""The revisions of a workload as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from actions.audit.redaction import redacted
from actions.request import Target
from actions.revisions import Revision

SCHEMA = "quarterdeck/revisions/v1"


def to_json(target: Target, revisions: Sequence[Revision]) -> str:
    """Newest first, as they are given. What looks like a secret in a command line is left out, and so are templates."""
    told = [{name: value for name, value in asdict(each).items() if name != "template"} for each in revisions]
    document = redacted({"schema": SCHEMA, "target": target.to_json(), "revisions": told})
    return json.dumps(document, indent=2, ensure_ascii=False)
