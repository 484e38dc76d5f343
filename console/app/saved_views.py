"""Views that are saved by name: shown, listed, and kept in the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.commands.capabilities import Viewable
from console.commands.command import ScreenId
from themes.palette import Role
from widgets.grid import Arrangement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from console.app.navigator import Navigator
    from console.commands.desk import Desk
    from console.config.ui_tables import SavedView, ViewedScreen


class SavedViews:
    """Implements console.commands.desk.SavedViews."""

    def __init__(self, desk: Desk, navigator: Navigator) -> None:
        self._desk = desk
        self._navigator = navigator
        self._views = dict(desk.options.views)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._views)

    def show(self, name: str) -> None:
        view = self._views.get(name)
        if view is None:
            there = f"there are {', '.join(self._views)}" if self._views else ":view save NAME saves this one"
            self._navigator.say(f"no view {name!r}; {there}", Role.WARNING)
        else:
            self._desk.commands.wait_for(self._show(name, view), f"view {name}")

    async def _show(self, name: str, view: SavedView) -> None:
        from console.views.filter import FilterError
        from console.views.saved_views import ALL, query_of

        try:
            query = query_of(view)
        except FilterError as error:
            self._navigator.say(f"view {name}: invalid filter: {error}", Role.WARNING)
            return
        namespace = "" if view.namespace == ALL else view.namespace
        if view.namespace and namespace != self._desk.session.namespace:
            await self._desk.scope.switch(namespace=namespace)
        self._navigator.go_home()
        self._open(view.screen)
        front = self._navigator.front
        if not isinstance(front, Viewable):
            return
        if query.sort is not None and query.sort.column not in front.sortable:
            able = ", ".join(sorted(front.sortable)) or "nothing"
            self._navigator.say(f"view {name}: cannot be sorted by {view.sort!r}; by {able}", Role.WARNING)
            return
        front.ask(query)
        lacking = front.columns and [column for column in view.columns if column not in front.columns]
        columns = tuple(column for column in view.columns if column not in lacking)
        front.rearrange(Arrangement(columns, view.expanded))
        if lacking:
            there = f"there are {', '.join(front.columns)}"
            self._navigator.say(f"view {name}: it has no column {', '.join(lacking)}; {there}", Role.WARNING)
        else:
            self._navigator.say(f"view {name}")

    def _open(self, screen: ViewedScreen) -> None:
        """Open the screen of a view, over the fleet."""
        pages = self._desk.pages
        match screen:
            case "nodes":
                pages.open_nodes(None)
            case "alerts":
                pages.open_alerts("")
            case "incidents":
                pages.open_incidents(None)
            case "timeline":
                pages.open_timeline(None)
            case "objectives" | "joins":
                pages.open_screen(ScreenId(screen))

    def choose(self) -> None:
        from console.screens.choice import ChoiceScreen
        from console.views.saved_views import view_text

        async def read() -> Sequence[tuple[str, str]]:
            return [(name, f"{name}   {view_text(view)}") for name, view in self._views.items()]

        if self._views:
            self._navigator.push(ChoiceScreen(self._desk, "view", read, "", self.show))
        else:
            self._navigator.say("no view is saved; :view save NAME saves this one")

    def save(self, name: str) -> None:
        from console.config.problem import ConfigError
        from console.config.view_file import save_view
        from console.views.saved_views import saved
        from fleet.local.names import is_name

        front, config = self._navigator.front, self._desk.options.config
        screen = _SCREENS.get(front.where) if front is not None else None
        if screen is None or not isinstance(front, Viewable):
            self._navigator.say(f"views are of {', '.join(_SCREENS.values())}; this is none of them", Role.WARNING)
        elif not is_name(name):
            self._navigator.say("the name of a view has letters, digits, dots and dashes, 63 at most", Role.WARNING)
        elif config is None:
            self._navigator.say("this console stores nothing, so the view was not saved", Role.WARNING)
        else:
            view = saved(screen, front.query_, self._desk.session.namespace, front.arrangement)
            try:
                save_view(config, name, view)
            except ConfigError as error:
                self._navigator.say(" ".join(str(error).split()), Role.ERROR)
                return
            self._views[name] = view
            self._navigator.say(f"saved as view {name} in {config}")


_SCREENS: Mapping[ScreenId, ViewedScreen] = {
    ScreenId.FLEET: "fleet",
    ScreenId.NODES: "nodes",
    ScreenId.ALERTS: "alerts",
    ScreenId.INCIDENTS: "incidents",
    ScreenId.OBJECTIVES: "objectives",
    ScreenId.TIMELINE: "timeline",
    ScreenId.JOINS: "joins",
}
