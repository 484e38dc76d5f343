"""``quarterdeck snapshot``: one Snapshot on stdout."""

from __future__ import annotations

from console.cli import streams
from console.cli.dispatch import Invocation, say
from console.cli.observe import explain, print_table, snapshot_within


def run(invocation: Invocation) -> int:
    """Exit 0 with a Snapshot, 1 where it is empty because no pod may be listed, 3 where no source answered.

    2 where there is no usable kubeconfig either.
    """
    settings = invocation.load().settings
    snapshot, code = snapshot_within(settings, invocation.options.wait)
    if invocation.options.json:
        from console.report.build import to_json

        streams.document(to_json(snapshot))
    else:
        print_table(snapshot, settings)
    for line in explain(snapshot):
        say(line)
    return code
