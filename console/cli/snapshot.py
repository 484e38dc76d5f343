"""``quarterdeck snapshot [WHAT]``: one Snapshot on stdout, as a table of any part of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from console.cli import interruptible
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import explain, production_of, snapshot_within
from console.cli.output import glyphs_of, write_sheet
from console.report.sheets import fleet
from console.report.sheets.alerts import alerts_sheet
from console.report.sheets.incidents import incidents_sheet
from console.report.sheets.sheet import Sheet
from console.report.sheets.sources import sources_sheet
from console.report.table import with_surroundings
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs

TABLES: Final[Mapping[str, Callable[[Snapshot, Glyphs], Sheet]]] = {
    "fleet": fleet.fleet_sheet,
    "models": fleet.models_sheet,
    "workloads": fleet.workloads_sheet,
    "pods": fleet.pods_sheet,
    "nodes": fleet.nodes_sheet,
    "gpus": fleet.gpus_sheet,
    "incidents": incidents_sheet,
    "alerts": alerts_sheet,
    "sources": sources_sheet,
}
"""Word of the command line → table."""


def run(invocation: Invocation) -> int:
    """Exit 0 with a Snapshot, 1 where it is empty because no pod may be listed, 3 where no source answered.

    2 where there is no usable kubeconfig either.
    """
    settings, options = invocation.load().settings, invocation.options
    glyphs = glyphs_of(settings.ui.glyphs)

    def sheet(snapshot: Snapshot) -> Sheet:
        found = TABLES[options.what](snapshot, glyphs)
        if options.what != "fleet":
            return found
        return with_surroundings(found, snapshot, glyphs, production=production_of(settings, snapshot))

    if options.watch:
        from console.cli.watch import of_snapshots, watch

        return interruptible.run(watch(of_snapshots(settings, options.wait, sheet), options.form, glyphs))
    # Incidents need the last minutes, since only lasting states count, and a single run cannot wait for them.
    snapshot, code = snapshot_within(settings, options.wait, looks_back=options.what == "incidents")
    write_sheet(options.form, sheet(snapshot), lambda: _document(options.what, snapshot), glyphs)
    for line in explain(snapshot):
        say(line)
    return code


def _document(what: str, snapshot: Snapshot) -> str:
    """Return the whole Snapshot, or the requested part of it."""
    from console.report import check, snapshot_document

    if what == "fleet":
        return snapshot_document.to_json(snapshot)
    whole = json.loads(check.to_json(snapshot) if what == "incidents" else snapshot_document.to_json(snapshot))
    part = {"schema": f"quarterdeck/{what}/v1", "at": snapshot.at, "context": snapshot.cluster.context}
    return json.dumps(part | {what: whole[what]}, indent=2, ensure_ascii=False)
