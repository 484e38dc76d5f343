"""Any resource of the cluster, as its server lists it, with describe, YAML and events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import Context, ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.lines import Lines
from console.screens.table import TableScreen
from console.session.failure import SessionError
from console.views import kubectl
from console.views.listing import listing_model, listing_title
from console.views.query import Query
from fleet.model.listing import Listing
from fleet.model.objects import ClusterId
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.grid import Grid

_EVERY = 10.0
"""Seconds between reads while it is shown."""


class ListingScreen(TableScreen):
    """``listing`` is the first read; ``asked`` the typed name."""

    where = ScreenId.LISTING
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.LISTING)
    enter = "open"
    DEFAULT_CSS = """
    ListingScreen #title {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, cluster: ClusterId, asked: str, namespace: str, listing: Listing) -> None:
        super().__init__(desk, Grid(waiting="reading …"))
        self._of = cluster
        self._asked = asked
        self._namespace = namespace
        self._listing = listing
        self._title = Lines(id="title")
        self._read_at = desk.snapshot.at if desk.snapshot is not None else 0.0

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.grid

    def on_mount(self) -> None:
        self.ask(self.query_)

    def draw(self, snapshot: Snapshot) -> None:
        if snapshot.at - self._read_at >= _EVERY:
            self._read_at = snapshot.at
            self._read()

    def ask(self, query: Query) -> None:
        self.query_ = query
        line = listing_title(self._listing, self._namespace, self._asked)
        self._title.show(lambda _width, _glyphs: [line])
        self.grid.show(listing_model(self._listing, self._namespace, query.filter))

    @background("read")
    async def _read(self) -> None:
        try:
            self._listing = await self.desk.session.listing(self._of, self._asked, self._namespace)
        except SessionError as error:
            self.say(error.in_a_line, Role.ERROR)
            return
        self.ask(self.query_)

    def as_kubectl(self) -> str:
        return kubectl.listing(self._of.context, self._namespace, self._listing.plural)

    @property
    def subject(self) -> str | None:
        """The key in the Snapshot, for an object that the fleet has."""
        snapshot, key = self.desk.snapshot, self.grid.cursor
        if snapshot is None or key is None:
            return None
        namespace, _, name = key.rpartition("/")
        for candidate in (
            key if self._listing.kind in ("Pod", "Node") else "",
            f"{namespace}/{self._listing.kind}/{name}",
        ):
            if candidate in snapshot.pods or candidate in snapshot.workloads or candidate in snapshot.nodes:
                return candidate
        return None

    def context(self, argument: str = "") -> Context:
        context, snapshot, key = super().context(argument), self.desk.snapshot, self.grid.cursor
        if snapshot is None or key is None:
            return context
        namespace, _, name = key.rpartition("/")
        return context._replace(target=snapshot.ref(self._listing.kind, namespace, name))

    def on_grid_selected(self, message: Grid.Selected) -> None:
        del message
        context = self.context()
        if context.subject is not None and context.subject not in (context.snapshot.nodes if context.snapshot else {}):
            self.desk.pages.open_detail(context.subject)
        elif context.target is not None:
            self.desk.pages.open_describe(context.target)
