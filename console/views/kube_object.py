"""Kubernetes' view of an object: version, containers, conditions, events."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, islice

from console.views.layout import followed, head, labelled, packed, wrapped
from fleet.model.objects import Condition, Container, Event, ModelVersion
from fleet.timeline.folding import without_names
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

_EVENTS = 12
_REASON = 18
"""Cells for the reason and the count of an event."""
_WIDE = 100
"""Events on a page; ``d`` (describe) has the rest."""
_GOOD = {
    "Ready",
    "Available",
    "Initialized",
    "ContainersReady",
    "PodScheduled",
    "Progressing",
    "PodReadyToStartContainers",
}
"""Conditions that are well when they are True; the others are when they are False."""


def version_lines(version: ModelVersion, digest: str, width: int) -> list[Line]:
    """Return image, digest, model and revision; without a revision, the weights are the latest at the start."""
    if not version.image and not version.model:
        return []
    digest = untrusted(digest) or "not known before the container has started"
    lines = [
        head("version"),
        labelled("image", Span(untrusted(version.image))),
        *wrapped("digest", digest, width, Role.DIM),
    ]
    if version.model:
        revision = Span(untrusted(version.revision)) if version.revision else Span("unpinned", Role.WARNING)
        model = [("", Span(untrusted(version.model))), ("revision", revision)]
        if version.served_name and version.served_name != version.model:
            model.append(("served as", Span(untrusted_name(version.served_name))))
        lines += packed("model", model, width)
    return lines


def container_lines(containers: Sequence[Container], now: float, width: int) -> list[Line]:
    """Return state, restarts and previous end, then the command line."""
    lines = [head("containers")] if containers else []
    for container in containers:
        state = container.state or "not started"
        since = f" {age_text(now - container.since)}" if container.since is not None else ""
        role = Role.TEXT if container.ready or container.state == "running" else Role.WARNING
        items = [("", Span(f"{state}{since}", role))]
        if container.init:
            items.insert(0, ("", Span("init", Role.DIM)))
        if container.reason:
            items.append(("", Span(untrusted(container.reason), Role.WARNING)))
        if container.exit_code is not None:
            items.append(("exit", Span(str(container.exit_code))))
        items.append(("restarts", Span(str(container.restarts), Role.WARNING if container.restarts else Role.TEXT)))
        if container.last_reason or container.last_exit_code is not None:
            items.append(("last", Span(_last(container, now), Role.WARNING)))
        lines += packed(untrusted_name(container.name), items, width)
        lines += wrapped("", untrusted(container.message), width, Role.DIM)
        lines += wrapped("", untrusted(shlex.join(container.command)), width, Role.DIM)
    return lines


def _last(container: Container, now: float) -> str:
    ago = f" {age_text(now - container.last_finished)} ago" if container.last_finished is not None else ""
    code = f" ({container.last_exit_code})" if container.last_exit_code is not None else ""
    return f"{untrusted(container.last_reason) or 'ended'}{code}{ago}"


def condition_lines(conditions: Sequence[Condition], now: float, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the conditions that are not as they should be with reason and message; the others in one line."""
    if not conditions:
        return []
    lines = [head("conditions")]
    well = [c for c in conditions if _is_good(c)]
    bad = [c for c in conditions if c not in well]
    for (status, reason, message), alike in groupby(bad, key=lambda c: (c.status, c.reason, c.message)):
        first, *others = alike
        since = f" {age_text(now - first.since)}" if first.since is not None else ""
        types = ", ".join(untrusted(c.type) for c in (first, *others))
        lead = (Span("   "), Span(glyphs.warning, Role.WARNING), Span(f" {types} {untrusted(status)}{since}  "))
        words = " ".join(part for part in (reason, message) if part)
        lines += followed(lead, untrusted(words), Role.DIM, width, 5)
    if well:
        names = ", ".join(untrusted(f"{c.type}" if c.status == "True" else f"no {c.type}") for c in well)
        lines.append(Line((Span("   "), Span(glyphs.ok, Role.OK), Span(f" {names}", Role.DIM))))
    return lines


def _is_good(condition: Condition) -> bool:
    return condition.status == ("True" if condition.type in _GOOD else "False")


def event_lines(events: Iterable[Event], now: float, width: int, glyphs: Glyphs, *, page_of: str) -> list[Line]:
    """Return events, newest first: age, count, reason, message, and their object if it is not the page's; the same of
    several objects once.
    """
    alike: dict[tuple[str, str, str], list[Event]] = defaultdict(list)
    for event in events:
        alike[event.type, event.reason, without_names(event.message, event.involved.name)].append(event)
    if not alike:
        return []
    lines = [head("events")]
    # Where there is room, what they say begins in one column.
    room = _REASON if width >= _WIDE else 0
    for (kind, reason, words), same in islice(alike.items(), _EVENTS):
        event, objects = same[0], len({one.involved for one in same})
        count = f" ×{event.count}" if event.count > 1 else ""
        lead = [
            Span(f"   {fit(age_text(now - event.last), 7, 'right', glyphs.ellipsis)}  ", Role.DIM),
            Span(f"{f'{untrusted(reason)}{count}':<{room}}  ", Role.WARNING if kind == "Warning" else Role.TEXT),
        ]
        if event.involved.name != page_of:
            more = f" and {objects - 1} more" if objects > 1 else ""
            lead.append(Span(f"{untrusted(event.involved.name)}{more}  "))
        lines += followed(lead, untrusted(words if objects > 1 else event.message), Role.DIM, width, 12)
    return lines
