"""Exports of the log: JSON with every record, CSV with a row per action, a self-contained HTML page."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from actions.audit.chain import Verification
from actions.audit.history import RecordedAction
from actions.audit.line import SCHEMA, Record
from actions.audit.opened_logs import Opened
from actions.audit.words import RecordFact, everything, moment, opened_text, outcome_tone, summary
from fleet.model.counting import count

EXPORT = "quarterdeck/audit-export/v1"


def as_record(record: Record) -> dict[str, Any]:
    """Return a record as JSON values, as in the log except for ``time``, which ``at`` replaces."""
    return {"schema": SCHEMA} | {name: value for name, value in asdict(record).items() if name != "digest"}


def as_chains(opened: Opened) -> list[dict[str, Any]]:
    """Return the verification of each log as JSON values."""
    return [{"log": str(chain.place)} | _verdict(chain.verdict) for chain in opened.chains]


def _verdict(verdict: Verification) -> dict[str, Any]:
    broken = verdict.broken
    return {
        "intact": verdict.intact,
        "records": verdict.records,
        "files": verdict.files,
        "since": verdict.since,
        "until": verdict.until,
        "broken": None
        if broken is None
        else {"file": str(broken.file), "line": broken.line, "wrong": str(broken.wrong), "text": broken.text},
        "torn": [
            {"file": str(torn.file), "line": torn.line, "bytes": torn.size, "marked": torn.marked}
            for torn in verdict.torn
        ],
        "behind": verdict.behind,
    }


def to_json(actions: Sequence[RecordedAction], opened: Opened, made_at: float) -> str:
    """``quarterdeck/audit-export/v1``: each action with its state and all its records."""
    document = {
        "schema": EXPORT,
        "made_at": made_at,
        "intact": opened.intact,
        "chains": as_chains(opened),
        "actions": [
            {
                "id": action.id,
                "state": str(action.state),
                "outcome": action.outcome,
                "records": [as_record(record) for record in action.records],
            }
            for action in actions
        ],
    }
    return json.dumps(document, indent=2) + "\n"


_COLUMNS: Mapping[str, Callable[[RecordedAction], object]] = {
    "began": lambda action: moment(action.began),
    "ended": lambda action: moment(action.ended) if action.ended is not None else "",
    "identity": lambda action: action.who.get("identity"),
    "groups": lambda action: " ".join(map(str, action.who.get("groups") or ())),
    "local_user": lambda action: action.who.get("local_user"),
    "uid": lambda action: action.who.get("uid"),
    "sudo_user": lambda action: action.who.get("sudo_user"),
    "host": lambda action: action.who.get("host"),
    "ssh_origin": lambda action: action.who.get("ssh_origin"),
    "context": lambda action: action.intent.scope.get("context"),
    "server": lambda action: action.intent.scope.get("server"),
    "namespace": lambda action: action.intent.target.get("namespace"),
    "target_kind": lambda action: action.intent.target.get("kind"),
    "target_name": lambda action: action.intent.target.get("name"),
    "target_uid": lambda action: action.intent.target.get("uid"),
    "action": lambda action: action.intent.kind,
    "title": lambda action: action.title,
    "reason": lambda action: action.intent.reason,
    "confirmation": lambda action: action.intent.content.get("confirmation"),
    "outcome": lambda action: action.outcome,
    "result": lambda action: action.result.get("text"),
    "sent": lambda action: len(action.sent),
    "unknown": lambda action: sum(sent.unknown for sent in action.sent),
    "undo": lambda action: action.undo.get("text"),
    "id": lambda action: action.id,
}


def to_csv(actions: Sequence[RecordedAction]) -> str:
    """A row per action (RFC 4180), with a header. Spreadsheets take no cell for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for action in actions:
        writer.writerow([harmless_cell(value(action)) for value in _COLUMNS.values()])
    return out.getvalue()


def harmless_cell(value: object) -> str:
    """Return a cell that no spreadsheet calculates: a formula gets an apostrophe in front (OWASP, "CSV Injection").

    Control characters become blanks, so that a row is a line.
    """
    text = "" if value is None else str(value)
    formula = not isinstance(value, int | float) and text.lstrip().startswith(
        ("=", "+", "-", "@", "＝", "＋", "－", "＠")
    )
    clean = "".join(char if char.isprintable() else " " for char in text)
    return f"'{clean}" if formula else clean


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit log</title>
<style>
body {{ font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ccc; }}
dl {{ display: grid; grid-template-columns: 7rem 1fr; gap: .1rem .6rem; margin: .5rem 0; }}
dt {{ color: #666; }}
dd {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px ui-monospace, monospace; }}
.good {{ color: #06642f; }} .bad {{ color: #b00020; }} .unknown {{ color: #8a4b00; }}
.bad, .unknown {{ font-weight: 600; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #16181d; color: #ddd; }} th, td {{ border-color: #3a3f4b; }} dt {{ color: #9aa; }}
  .good {{ color: #6fd39a; }} .bad {{ color: #ff8a8a; }} .unknown {{ color: #ffc46b; }}
}}
</style>
</head>
<body>
<h1>Audit log</h1>
<p>Made {made}. {count}.</p>
<dl>{chain}</dl>
<table>
<thead><tr><th>When</th><th>Who</th><th>What</th><th>Result</th><th>Reason</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>
"""


def to_html(actions: Sequence[RecordedAction], opened: Opened, made_at: float) -> str:
    """One page without scripts and without anything from elsewhere; every text in it is escaped."""
    number = count(len(actions), "action")
    return _PAGE.format(
        made=moment(made_at), count=number, chain=_facts(opened_text(opened)), rows="\n".join(map(_row, actions))
    )


def _row(action: RecordedAction) -> str:
    details = f"<details><summary>{_safe(action.title)}</summary><dl>{_facts(everything(action))}</dl></details>"
    cells = (
        _safe(moment(action.began)),
        _safe(action.person),
        f"{details}<dl>{_facts(summary(action)[1:2])}</dl>",
        f'<span class="{outcome_tone(action)}">{_safe(action.outcome)}</span>',
        _safe(action.intent.reason),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _facts(facts: Sequence[RecordFact]) -> str:
    return "".join(f'<dt>{_safe(f.label)}</dt><dd class="{f.tone}">{_safe(f.text)}</dd>' for f in facts)


def _safe(text: str) -> str:
    """Escaped; of the characters that steer, line breaks and tabs alone stay."""
    return html.escape("".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text))
