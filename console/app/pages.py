"""Screens of the fleet. Each is imported when it is opened: the first frame does not wait for it."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from console.commands.command import ScreenId
from console.commands.dispatch import disabled
from console.commands.palette import DeskPalette
from console.commands.table import TABLE
from console.session.failure import SessionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from console.app.local_controller import LocalController
    from console.app.navigator import Navigator
    from console.commands.desk import Desk
    from fleet.model.objects import ObjectRef

_SCREENS: Mapping[ScreenId, str] = {
    ScreenId.CHOICE: "console.screens.themes:ThemesScreen",
    ScreenId.SOURCES: "console.screens.sources:SourcesScreen",
    ScreenId.JOINS: "console.screens.joins:JoinsScreen",
    ScreenId.MONITORING: "console.screens.monitoring:MonitoringScreen",
    ScreenId.OBJECTIVES: "console.screens.objectives:ObjectivesScreen",
    ScreenId.NUMBERS: "console.screens.provenance:ProvenanceScreen",
}
"""Screens that need no more than the desk, and perhaps names: module and class. Of the choices this is the themes."""


class Pages:
    """Implements console.commands.desk.Pages."""

    def __init__(self, desk: Desk, navigator: Navigator, local: LocalController) -> None:
        self._desk = desk
        self._navigator = navigator
        self._local = local

    def open_detail(self, key: str) -> None:
        from console.screens.detail import DetailScreen
        from console.views.subject import pod_for

        snapshot = self._desk.snapshot
        if snapshot is not None and key not in snapshot.workloads:
            # A GPU represents the pod that holds it.
            key = pod_for(snapshot.everything, key) or key
        self._navigator.push(DetailScreen(self._desk, key))

    def open_nodes(self, key: str | None) -> None:
        from console.screens.nodes import NodesScreen

        self._navigator.open(NodesScreen(self._desk, key))

    def open_logs(self, pod: str, *, previous: bool, together: Sequence[str] = ()) -> None:
        from console.screens.logs import LogsScreen

        snapshot = self._desk.snapshot
        found = snapshot.pods.get(pod) if snapshot is not None else None
        if snapshot is not None and found is not None:
            ref = snapshot.ref("Pod", found.namespace, found.name)
            pods = [snapshot.pods[key] for key in together if key in snapshot.pods]
            self._navigator.open(LogsScreen(self._desk, found, ref, previous=previous, together=pods))

    def open_describe(self, ref: ObjectRef) -> None:
        from console.screens.text import TextScreen

        read = partial(self._desk.session.describe, ref)
        self._navigator.push(TextScreen(self._desk, f"describe {ref}", read, ref))

    def open_yaml(self, ref: ObjectRef) -> None:
        from console.screens.text import TextScreen

        read = partial(self._desk.session.yaml, ref)
        self._navigator.push(TextScreen(self._desk, f"yaml {ref}", read, ref))

    def open_screen(self, where: ScreenId, *of: str) -> None:
        module, name = _SCREENS[where].split(":")
        screen = getattr(import_module(module), name)
        self._navigator.open(screen(self._desk, *of))

    async def open_listing(self, resource: str, namespace: str) -> None:
        from console.screens.listing import ListingScreen

        snapshot = self._desk.snapshot
        if snapshot is None:
            raise SessionError("nothing is known about the cluster yet", "try again in a moment")
        cluster = snapshot.cluster
        where = "" if namespace == "all" else namespace or cluster.namespace
        listing = await self._desk.session.listing(cluster.id, resource, where)
        self._navigator.open(ListingScreen(self._desk, cluster.id, resource, where, listing))

    def open_alerts(self, key: str) -> None:
        from console.screens.alerts import AlertsScreen

        self._navigator.push(AlertsScreen(self._desk, key))

    def open_incidents(self, key: str | None) -> None:
        from console.screens.incidents import IncidentsScreen

        self._navigator.open(IncidentsScreen(self._desk, key))

    def open_timeline(self, ref: ObjectRef | None) -> None:
        from console.screens.timeline import TimelineScreen

        snapshot = self._desk.snapshot
        if snapshot is not None:
            self._navigator.push(TimelineScreen(self._desk, snapshot.cluster.id if ref is None else ref))

    def open_plot(self, keys: Sequence[str], quantity: str) -> None:
        from console.screens.plot import PlotScreen

        self._navigator.open(PlotScreen(self._desk, keys, quantity))

    def open_why(self, key: str) -> None:
        from console.screens.why import WhyScreen

        self._navigator.open(WhyScreen(self._desk, key))

    def open_audit(self) -> None:
        from console.screens.audit import AuditScreen

        options = self._desk.options
        folder = options.audit_here if self._local.is_looked_at else None
        folder = folder or options.audit
        if folder is None:
            self._navigator.say("this console has no audit log")
        else:
            self._navigator.open(AuditScreen(self._desk, folder))

    def open_help(self) -> None:
        from console.screens.help import HelpScreen

        front, read_only = self._navigator.front, self._desk.read_only
        if front is not None and front.where is not ScreenId.HELP:
            commands = tuple(c for c in TABLE if not (c.dangerous and read_only))
            lacking = disabled(commands, front.context(), read_only=read_only)
            self._navigator.push(HelpScreen(self._desk, front.where, commands, lacking))

    def open_palette(self) -> None:
        front = self._navigator.front
        if front is not None:
            self._navigator.push(DeskPalette(self._desk, front.context()))
