"""Commands on the object under the cursor: their availability, and what they open."""

from __future__ import annotations

from collections.abc import Callable

from console.commands.capabilities import Linked, ListsIncidents, SortedByNumber
from console.commands.command import OBJECTS, OF_ALERTS, OWN, Context, ScreenId
from console.commands.desk import Desk
from console.commands.local import server_of
from console.session.failure import SessionError
from console.views.alert_marks import board
from console.views.plot_quantities import plotted_of
from console.views.subject import has_pod, pod_for, restarts_of, worst_pod


def needs_target(context: Context) -> str | None:
    """Return why there is no object of Kubernetes under the cursor; None where there is one."""
    if context.target is None:
        return "nothing under the cursor is known to Kubernetes"
    return None


def needs_snapshot(context: Context) -> str | None:
    """Return why nothing can be reported yet; None once there is a Snapshot."""
    return None if context.snapshot is not None else "nothing is known about the cluster yet"


async def write_ticket(desk: Desk, context: Context) -> None:
    """Write the ticket about what is in front."""
    from console.commands.ticket import write_ticket

    await write_ticket(desk, context)


def needs_subject(context: Context) -> str | None:
    """Return why nothing can be opened here; None if something is under the cursor."""
    return None if context.subject is not None else "nothing is under the cursor"


def serving_of(context: Context) -> str | None:
    """Return the pod or workload under the cursor whose requests are measured; for a GPU the pod that holds it."""
    snapshot, key = context.snapshot, context.subject
    if snapshot is None or key is None:
        return None
    whole = snapshot.everything
    found = key if key in whole.workloads or key in whole.pods else pod_for(whole, key)
    return found if found and (found in whole.model_of or whole.workload_of.get(found, "") in whole.model_of) else None


def needs_requests(context: Context) -> str | None:
    """Return why latency cannot be explained here; None if it can."""
    return None if serving_of(context) is not None else "nothing under the cursor serves a model"


def open_why(desk: Desk, context: Context) -> None:
    """Open the page of why the pod or workload under the cursor is slow."""
    key = serving_of(context)
    if key is not None:
        desk.pages.open_why(key)


def needs_numbers(context: Context) -> str | None:
    """Return why the object under the cursor has no numbers; None if it has some."""
    snapshot, key = context.snapshot, context.subject
    if snapshot is None or key is None:
        return "nothing is under the cursor"
    return None if plotted_of(snapshot, key) else "nothing of this is measured"


def open_numbers(desk: Desk, context: Context) -> None:
    """Open the provenance of the numbers of the object under the cursor, at the sorted column."""
    if context.subject is not None:
        sorted_by = context.view.sorted_quantity if isinstance(context.view, SortedByNumber) else None
        desk.pages.open_screen(ScreenId.NUMBERS, context.subject, sorted_by or "")


def needs_alert(context: Context) -> str | None:
    """Return why there are no alerts of this object; None where there are some."""
    snapshot, subject = context.snapshot, context.subject
    alerts = board(snapshot) if snapshot is not None else None
    return None if alerts is not None and alerts.of.get(subject or "") else "no alert concerns what is under the cursor"


def needs_incident(context: Context) -> str | None:
    """Return why no incident can be opened; None where one can."""
    empty = isinstance(context.view, ListsIncidents) and context.view.is_empty
    return "there is no incident under the cursor" if empty else None


def needs_link(context: Context) -> str | None:
    """Return why a text has no links; None if it has one."""
    named = isinstance(context.view, Linked) and context.view.has_links
    return None if named else "it names no object to go to"


def needs_joined(context: Context) -> str | None:
    """Return why an alert leads nowhere; None where it names an object in view."""
    return None if context.subject is not None else "the alert names no object that is in view"


def _pod(context: Context) -> str | None:
    if context.snapshot is None or context.subject is None:
        return None
    return pod_for(context.snapshot, context.subject)


def _restarted(context: Context) -> str | None:
    """Return the pod for a log from before a restart: the one under the cursor, or a workload's worst with such a
    log.
    """
    if context.snapshot is None or context.subject is None:
        return None
    pods = context.snapshot.pods
    members = [key for key in context.snapshot.pods_of.get(context.subject, ()) if pods[key].restarts]
    return worst_pod(context.snapshot, members) if members else _pod(context)


def needs_restart(context: Context) -> str | None:
    """Return why there is no log from before a restart; None where there is one."""
    snapshot, subject = context.snapshot, context.subject
    if snapshot is None or subject is None or not has_pod(snapshot, subject):
        return "there is no pod under the cursor"
    of = subject if snapshot.pods_of.get(subject) else pod_for(snapshot, subject) or ""
    return None if restarts_of(snapshot, of) else "nothing has restarted"


def _needs_pod(context: Context) -> str | None:
    snapshot, subject = context.snapshot, context.subject
    there = snapshot is not None and subject is not None and has_pod(snapshot, subject)
    return None if there else "there is no pod under the cursor"


def needs_log(context: Context) -> str | None:
    """Return why there is no log; None where there is one."""
    return _needs_pod(context) if context.where in OBJECTS else _needs_own(context)


def needs_described(context: Context) -> str | None:
    """Return why nothing can be described; None if something can."""
    return _needs_own(context) if context.where is ScreenId.LOCAL else needs_target(context)


def _needs_own(context: Context) -> str | None:
    return None if server_of(context) is not None else "there is no server"


def open_describe(desk: Desk, context: Context) -> None:
    """Open the description of the object; of a server on this machine its page."""
    if context.where is ScreenId.LOCAL:
        open_detail(desk, context)
    elif context.target is not None:
        _leave_document(desk, context)
        desk.pages.open_describe(context.target)


def open_yaml(desk: Desk, context: Context) -> None:
    """Open the object as YAML."""
    if context.target is not None:
        _leave_document(desk, context)
        desk.pages.open_yaml(context.target)


def _leave_document(desk: Desk, context: Context) -> None:
    """Close the description or YAML of the same object, which the other one replaces."""
    if context.where is ScreenId.DOCUMENT:
        desk.navigator.go_back()


def open_logs(*, previous: bool) -> Callable[[Desk, Context], None]:
    """Return a command that opens the log of the object's pod, or of a server."""

    def run(desk: Desk, context: Context) -> None:
        if context.where in OWN and context.subject is not None:
            desk.local_pages.open_log(context.subject)
            return
        pods = context.snapshot.pods if context.snapshot is not None else {}
        marked = tuple(key for key in context.marked if key in pods)
        pod = _restarted(context) if previous else _pod(context)
        if pod is not None:
            desk.pages.open_logs(pod, previous=previous, together=marked if len(marked) > 1 else ())

    return run


async def open_listing(desk: Desk, context: Context) -> None:
    """List a resource of the cluster, in the selected namespace or in one given after it."""
    resource, _, namespace = context.argument.partition(" ")
    if not resource:
        raise SessionError(":get takes the name of a resource", ":get services, or :svc")
    await desk.pages.open_listing(resource, namespace.strip())


def open_detail(desk: Desk, context: Context) -> None:
    """Open everything about the object."""
    if context.subject is None:
        return
    nodes = context.snapshot.nodes if context.snapshot is not None else {}
    if context.where is ScreenId.LOCAL:
        desk.local_pages.open_server(context.subject)
    elif context.where in OF_ALERTS and context.subject in nodes:
        desk.pages.open_nodes(context.subject)
    elif context.subject in nodes and context.target is not None:
        desk.pages.open_describe(context.target)
    else:
        desk.pages.open_detail(context.subject)


def open_concerned(desk: Desk, context: Context) -> None:
    """Open the page of a pod or a workload; a node or a GPU has none, so its row."""
    snapshot, key = context.snapshot, context.subject
    if snapshot is None or key is None:
        return
    whole = snapshot.everything
    if snapshot.source(key) is not None:
        desk.pages.open_screen(ScreenId.SOURCES)
    elif key in whole.nodes or key in whole.gpus:
        desk.pages.open_nodes(key)
    else:
        desk.pages.open_detail(key)
