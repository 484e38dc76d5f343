"""The view: the context and the namespace, and switching them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from console.views.severity_since import clock_to_seconds
from fleet.model.in_past import is_past

if TYPE_CHECKING:
    from collections.abc import Mapping

    from console.app.action_controller import ActionController
    from console.app.change_steps import ChangeSteps
    from console.app.navigator import Navigator
    from console.app.saved_views import SavedViews
    from console.commands.desk import Desk
    from widgets.cells import Cell


class ViewScope:
    """Implements console.commands.desk.ViewScope."""

    def __init__(self, desk: Desk, navigator: Navigator, actions: ActionController) -> None:
        self._desk = desk
        self._navigator = navigator
        self._actions = actions
        self._recent: list[str] = []
        """Namespaces, most recently selected first."""
        self._moment = 0.0
        """The moment of the past that was asked for last."""

    @cached_property
    def _steps(self) -> ChangeSteps:
        from console.app.change_steps import ChangeSteps

        return ChangeSteps(self._desk, self._navigator)

    @cached_property
    def views(self) -> SavedViews:
        from console.app.saved_views import SavedViews

        return SavedViews(self._desk, self._navigator)

    def choose_namespace(self) -> None:
        from console.screens.choice import ChoiceScreen
        from console.views.choices import OF_NAMESPACES, beside_namespaces

        desk, session = self._desk, self._desk.session

        async def read() -> list[tuple[str, str]]:
            return [("", "all namespaces"), *((name, name) for name in await session.namespaces())]

        def choose(name: str) -> None:
            desk.commands.wait_for(self.switch(namespace=name), name or "all namespaces")

        def beside() -> Mapping[str, tuple[Cell, ...]]:
            return beside_namespaces(desk.snapshot)

        current = session.namespace
        self._navigator.push(ChoiceScreen(desk, "namespace", read, current, choose, OF_NAMESPACES, beside))

    def choose_context(self) -> None:
        from console.screens.choice import ChoiceScreen
        from console.views.choices import OF_CONTEXTS, beside_contexts

        desk, session = self._desk, self._desk.session

        async def read() -> list[tuple[str, str]]:
            return [(name, name) for name in session.contexts()]

        def choose(name: str) -> None:
            desk.commands.wait_for(self.switch(context=name), name)

        def beside() -> Mapping[str, tuple[Cell, ...]]:
            return beside_contexts(session.about_contexts())

        self._navigator.push(ChoiceScreen(desk, "context", read, session.context, choose, OF_CONTEXTS, beside))

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        desk = self._desk
        if context is not None and not self._actions.may_switch():
            return
        self._navigator.say(f"switching to {context if context is not None else namespace or 'all namespaces'} …")
        if context is None:
            # Close pages before the view changes: objects out of view are not deleted, but only the first screen
            # would say so.
            self._navigator.go_home()
        await desk.session.switch(context=context, namespace=namespace)
        if namespace:
            self._recent = [namespace, *(name for name in self._recent if name != namespace)]
        if context is not None:
            self._recent = []
        self._navigator.go_home()

    async def travel(self, at: float | None) -> None:
        if at is not None and not self._actions.may_switch():
            return
        self._navigator.say("back to now …" if at is None else f"to {clock_to_seconds(at)} …")
        await self._desk.session.travel(at)
        self._moment = at or 0.0
        self._navigator.say("")

    async def step(self, by: int) -> None:
        snapshot = self._desk.snapshot
        if snapshot is not None:
            # What is recorded of a moment was seen some seconds before it.
            await self._steps.step(snapshot, max(snapshot.at, self._moment if is_past(snapshot) else 0.0), by)

    async def switch_to_favourite(self, number: int) -> None:
        known = self.known_namespaces()
        if number > len(known):
            self._navigator.say(f"no namespace {number}; n lists the namespaces")
        else:
            await self.switch(namespace=known[number - 1])

    def known_namespaces(self) -> list[str]:
        """Return the recently selected namespaces, then those with pods, by name."""
        snapshot = self._desk.snapshot
        pods = snapshot.everything.pods.values() if snapshot is not None else ()
        return list(dict.fromkeys([*self._recent, *sorted({pod.namespace for pod in pods})]))
