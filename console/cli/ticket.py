"""``quarterdeck ticket``: what is wrong, as one document for a tracker: Markdown, or JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli import exit_codes, find_object, interruptible, streams
from console.cli.dispatch import Invocation, say
from console.cli.one_snapshot import any_answered, explain
from console.cli.snapshot_with_reads import look
from console.report.ticket.build import TicketPast, since_when, ticket
from console.report.ticket.markdown import to_markdown
from console.report.ticket.scope import TicketScope, of_everything, of_incident, of_objects
from console.session.failure import SessionError, in_words
from fleet.kinds.registry import listed
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import ClusterError

if TYPE_CHECKING:
    from console.report.ticket.document import TicketDocument
    from console.session.reader import ObjectReader


class _Asking:
    """The ticket, made while the sources run."""

    def __init__(self, invocation: Invocation) -> None:
        self._typed: str = invocation.options.object or ""
        self._namespace: str = getattr(invocation.options, "namespace", None) or ""
        self.document: TicketDocument | None = None
        self.problem = ""
        """Reason why there is no ticket."""

    async def answer(self, snapshot: Snapshot, reader: ObjectReader) -> None:
        """Find what it is about, read what happened before, and make it."""
        try:
            scope = self._scope(snapshot)
        except find_object.NotNamedError as error:
            self.problem = str(error)
            return
        past = await _past(snapshot, scope, reader)
        self.document = ticket(snapshot, scope, past, whole=not self._typed)

    def _scope(self, snapshot: Snapshot) -> TicketScope:
        """Return what was typed: an incident by its key, an object by its name, or everything."""
        if not self._typed:
            return of_everything(snapshot)
        found = of_incident(snapshot, self._typed)
        if found is not None:
            return found
        kinds = ("Pod", *(kind.kind for kind in listed()), "Node")
        target = find_object.find(self._typed, snapshot, self._namespace, snapshot.cluster.namespace, kinds)
        return of_objects(snapshot, (find_object.key_of(target, snapshot),))


async def _past(snapshot: Snapshot, scope: TicketScope, reader: ObjectReader) -> TicketPast:
    try:
        return TicketPast(await reader.timeline(None, since_when(snapshot, scope)))
    except (SessionError, ClusterError) as error:
        return TicketPast(problem=in_words(error).in_a_line)


def run(invocation: Invocation) -> int:
    """Exit 0 with a ticket, 2 for an unknown name, 3 if no source answers."""
    return interruptible.run(_run(invocation))


async def _run(invocation: Invocation) -> int:
    asking = _Asking(invocation)
    snapshot = await look(invocation, asking.answer, looks_back=True)
    for line in explain(snapshot):
        say(line)
    if not any_answered(snapshot):
        return exit_codes.UNREACHABLE
    if asking.document is None:
        say(asking.problem)
        return exit_codes.USAGE
    if invocation.options.form == "json":
        streams.document(asking.document.model_dump_json(indent=2, exclude_none=True))
    else:
        streams.page(to_markdown(asking.document))
    return exit_codes.OK
