"""The JSON schema of the document, made from its models.

``python -m console.report.schema`` rewrites it: beside this file, where the package ships it, and into docs/.
"""

from __future__ import annotations

import json
from pathlib import Path

from console.report.document import SCHEMA, SnapshotDocument

SHIPPED = Path(__file__).with_name("snapshot.schema.json")


def schema() -> str:
    """The JSON schema (draft 2020-12) of quarterdeck/snapshot/v1."""
    made = SnapshotDocument.model_json_schema(mode="serialization")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA}
    return json.dumps(head | {k: v for k, v in made.items() if k != "title"}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for target in (SHIPPED, SHIPPED.parents[2] / "docs" / SHIPPED.name):
        target.write_text(schema(), encoding="utf-8")
