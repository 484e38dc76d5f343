"""Incidents by what a person types: the key, the cause, or the object, as ``check --json`` has them."""

from __future__ import annotations

from actions.kinds.ack import INCIDENT
from actions.request import Target
from console.cli.find_object import NotNamedError, parse
from console.views.incident_words import place
from fleet.model.counting import count
from fleet.model.finding import Incident
from fleet.model.snapshot import ACKNOWLEDGEMENTS, Health, Snapshot
from widgets.untrusted import untrusted, untrusted_name

_MOST = 10
"""Incidents that are listed where several are meant."""


def find_incident(typed: str, snapshot: Snapshot, namespace: str) -> Target:
    """The one incident that a name denotes; ``namespace`` is the requested one, empty for none.

    Raises NotNamedError, which lists the candidates.
    """
    every = [one for one in snapshot.incidents if not namespace or one.affects(namespace)]
    found = [one for one in every if one.key == typed] or [one for one in every if _is_called(one, typed, snapshot)]
    if len(found) == 1:
        return Target(INCIDENT, "", place(snapshot, found[0].about), found[0].key)
    if not every:
        raise NotNamedError(f"no incident {typed}: no problem is known")
    listed = "\n".join(f"  {untrusted(one.key)}  {untrusted(one.root.words)}" for one in (found or every)[:_MOST])
    if found:
        raise NotNamedError(f"{typed} is {count(len(found), 'incident')}; choose one:\n{listed}")
    raise NotNamedError(f"no incident {typed}; there is:\n{listed}")


def _is_called(incident: Incident, typed: str, snapshot: Snapshot) -> bool:
    _, name = parse(typed)
    shown = untrusted_name(place(snapshot, incident.about))
    return typed in (incident.root.cause, incident.about, shown) or name == shown.rpartition("/")[2]


def acknowledgements_are_known(snapshot: Snapshot) -> bool:
    """True if acknowledgements are known, or the reason why they are not."""
    source = snapshot.source(ACKNOWLEDGEMENTS)
    return source is not None and source.health is not Health.STARTING
