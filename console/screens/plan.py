"""A plan before anything is sent, and its confirmation.

Cancel has the focus, and enter on it leaves. To apply, the user goes to the other button; in production types the name
of the target, and for a large step its number. A plan that is old, or whose target has changed, is made again first,
and the differences are shown.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from actions.planning.large_step import large_step
from actions.planning.plan import Plan
from actions.request import OtherClusterError, Target
from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.commands.keys import key_text, keys_of
from console.commands.table import BY_ID
from console.screens.base import ConsoleScreen, background, bindings_of
from console.screens.lines import Lines
from console.screens.page import Page
from console.screens.plan_confirmation import Confirmation
from console.session.failure import SessionError
from console.views import kubectl
from console.views.plan import banner_line, confirm_line, differences, plan_lines, plan_title, planning_line
from fleet.model.objects import ClusterId
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.field import Field
from widgets.line import Line, plain
from widgets.push_button import PushButton
from widgets.untrusted import untrusted

FRESH = 60.0
"""Seconds for which a plan may be applied as it is."""
LOOK = 0.5
"""Seconds between progress updates of a slow plan."""


class PlanScreen(ConsoleScreen):
    """``read`` makes the plan, ``reading`` returns the progress of a slow one: bytes read, and the total.

    ``clock`` is Unix time.
    """

    where = ScreenId.PLAN
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of(ScreenId.PLAN),
        Binding("down,j", "scroll_page('scroll_rows', 1)", "Down", show=False),
        Binding("up,k", "scroll_page('scroll_rows', -1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "scroll_page('scroll_pages', 1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "scroll_page('scroll_pages', -1)", "Page up", show=False),
    ]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    PlanScreen #title, PlanScreen #confirm {
        height: 1;
    }
    PlanScreen #banner, PlanScreen #name, PlanScreen #number {
        height: 1;
        display: none;
    }
    PlanScreen.production #banner, PlanScreen.production #name, PlanScreen.large #number {
        display: block;
    }
    """

    def __init__(
        self,
        desk: Desk,
        read: Callable[[], Awaitable[Plan]],
        reading: Callable[[], tuple[int, int]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(desk)
        self._read = read
        self._reading = reading
        self._clock = clock
        self.plan: Plan | None = None
        """The plan that is shown; None while it is made."""
        self._problem: SessionError | None = None
        self._news: Sequence[str] = ()
        self._diff = self._requests = False
        """True if the diff and the requests are shown."""
        self._seen: dict[Target, str | None] = {}
        """Version of each target in the Snapshot when it was planned."""
        self._changed = ""
        """The change of the target since."""
        self._busy = False
        self.page = Page()
        self.page.can_focus = False
        self._title, self._confirm, self._banner = Lines(id="title"), Lines(id="confirm"), Lines(id="banner")
        reason = next(iter(keys_of(BY_ID["plan.reason"], desk.options.keymap)), "")
        self.confirmation = Confirmation(key_text(reason))

    @property
    def cluster(self) -> ClusterId | None:
        return None if self.plan is None or self.plan.target.is_server else self.plan.scope.cluster

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.page
        yield self._confirm
        yield self._banner
        yield from self.confirmation.widgets()

    def on_mount(self) -> None:
        self.set_focus(self.confirmation.cancel)
        self._title.show(lambda _width, _glyphs: [planning_line()])
        if self._reading is not None:
            self._ticking = self.set_interval(LOOK, self._show_reading)
        self._load()

    def _show_reading(self) -> None:
        if self.plan is not None or self._problem is not None:
            self._ticking.stop()
        elif self._reading is not None:
            line = planning_line(*self._reading())
            self._title.show(lambda _width, _glyphs: [line])

    @background("plan")
    async def _load(self) -> None:
        try:
            self._show_plan(await self._read())
        except SessionError as error:
            self._problem = error
            lines = [plain(f"   {untrusted(error.message)}"), plain(f"   {untrusted(error.remedy)}", Role.DIM)]
            self._title.show(lambda _width, _glyphs: [plain(" no plan could be made", Role.ERROR)])
            self.page.show(lambda _width, _glyphs: lines)
            self.say(error.message, Role.ERROR)

    # display

    def _show_plan(self, plan: Plan, news: Sequence[str] = ()) -> None:
        before = self.plan
        self.plan, self._news, self._changed = plan, news, ""
        self._seen = {target: self._version(self.desk.snapshot, target) for target in plan.request.targets}
        self.set_class(plan.scope.production, "production")
        self.set_class(large_step(plan) is not None, "large")
        self.confirmation.ask(plan)
        self._title.show(lambda width, glyphs: [plan_title(plan, width, glyphs)])
        self._banner.show(lambda width, glyphs: [banner_line(plan, width, glyphs)])
        self._draw_page()
        if before is not None and news:
            self.page.action_top()
        # Only after layout is it known how much is below the screen.
        self.call_after_refresh(self._draw_confirm)
        self.show_keys()

    def _draw_page(self) -> None:
        plan = self.plan
        if plan is None:
            return
        news, diff, requests = self._news, self._diff, self._requests

        def page(width: int, glyphs: Glyphs) -> list[Line]:
            # Objections must not be below the screen.
            small = len(plan_lines(plan, width, glyphs, news=news)) > self.page.size.height
            return plan_lines(plan, width, glyphs, diff=diff, requests=requests, news=news, checks_first=small)

        self.page.show(page)

    def _draw_confirm(self) -> None:
        plan = self.plan
        if plan is not None:
            self._confirm.show(lambda width, glyphs: [confirm_line(plan, width, glyphs, more=self.page.below)])
            self.confirmation.show(plan, ready=not self._missing())

    def draw(self, snapshot: Snapshot) -> None:
        if self.plan is None or self._changed:
            return
        for target, seen in self._seen.items():
            if (version := self._version(snapshot, target)) != seen:
                self._changed = "is gone" if version is None else "has changed"
                self.say(f"{target} {self._changed} since this was planned", Role.WARNING, is_event=True)
                return

    def show_servers(self) -> None:
        super().show_servers()
        if self.desk.snapshot is not None:
            self.draw(self.desk.snapshot)

    def _version(self, snapshot: Snapshot | None, target: Target) -> str | None:
        """Return the Snapshot's version of a target: another one means that somebody has written to it."""
        if snapshot is None:
            return None
        snapshot = snapshot.everything
        pod = snapshot.pods.get(f"{target.namespace}/{target.name}") if target.kind == "Pod" else None
        if pod is not None:
            return f"{pod.uid} {pod.deleted} {sorted(pod.labels.items())}"
        if target.kind == "Node":
            node = snapshot.nodes.get(target.name)
            return None if node is None else f"{node.uid} {node.unschedulable}"
        if target.is_server:
            own = next((own for own in self.desk.local.states if own.name == target.name), None)
            return None if own is None else f"{own.record.id} {own.alive}"
        workload = snapshot.workloads.get(f"{target.namespace}/{target.kind}/{target.name}")
        return None if workload is None else f"{workload.uid} {workload.generation} {workload.desired}"

    def on_resize(self, event: events.Resize) -> None:
        del event
        self.call_after_refresh(self._draw_confirm)

    # keys

    def toggle_diff(self) -> None:
        self._diff = not self._diff
        self._draw_opened(opened=self._diff)

    def toggle_requests(self) -> None:
        self._requests = not self._requests
        self._draw_opened(opened=self._requests)

    def _draw_opened(self, *, opened: bool) -> None:
        self._draw_page()
        if opened:
            self.page.action_bottom()
        self._draw_confirm()

    def as_kubectl(self) -> str:
        return kubectl.of_plan(self.plan) if self.plan is not None else ""

    def write_reason(self) -> None:
        self.confirmation.reason.take_focus()

    def take(self, number: int) -> None:
        if self.plan is not None and number <= len(self.plan.alternatives):
            self.desk.actions.open_plan(self.plan.alternatives[number - 1].request)
        else:
            self.say(f"there is no alternative {number}")

    def back(self) -> bool:
        if self.confirmation.is_typed_into:
            self.set_focus(self.confirmation.cancel)
            return True
        return False

    def focus_body(self) -> None:
        self.set_focus(self.confirmation.cancel)

    def action_scroll_page(self, how: str, steps: int) -> None:
        if how == "scroll_rows":
            self.page.action_scroll_rows(steps)
        else:
            self.page.action_scroll_pages(steps)
        self._draw_confirm()

    def on_field_changed(self) -> None:
        self._draw_confirm()

    def on_field_given_up(self, message: Field.GivenUp) -> None:
        del message
        self.set_focus(self.confirmation.cancel)

    def on_field_entered(self, message: Field.Entered) -> None:
        """Move on to the next field; enter in a line never applies anything."""
        open_ = dict(self.confirmation.lacking(self.plan)) if self.plan is not None else {}
        if message.field in open_ and message.field is not self.confirmation.reason:
            self.say(open_[message.field], Role.WARNING)
            return
        following = next((field for field in open_ if field is not message.field), None)
        if following is not None:
            following.take_focus()
        else:
            self.set_focus(self.confirmation.cancel)

    # confirmation

    def _missing(self) -> str:
        """Return why it cannot be applied yet; empty if it can."""
        plan = self.plan
        if plan is None:
            return self._problem.message if self._problem is not None else "the plan is not ready yet"
        if plan.blocks:
            return f"it cannot be applied: {plan.blocks[0].text}"
        return next((why for _, why in self.confirmation.lacking(plan)), "")

    def on_push_button_pressed(self, message: PushButton.Pressed) -> None:
        if message.button is self.confirmation.cancel:
            self.desk.navigator.go_back()
            return
        missing = self._missing()
        if missing:
            self.say(missing, Role.WARNING)
            plan = self.plan
            field = next((field for field, _ in self.confirmation.lacking(plan)), None) if plan is not None else None
            if field is not None and plan is not None and not plan.blocks:
                field.take_focus()
        elif not self._busy:
            self._busy = True
            self._go()

    async def _read_again(self, plan: Plan) -> Plan:
        """Plan again. Raises SessionError if that fails, or another cluster has been selected."""
        again = await self._read()
        if again.scope.cluster != plan.scope.cluster:
            raise SessionError(str(OtherClusterError(plan.scope.cluster, again.scope.cluster)))
        return again

    @background("apply")
    async def _go(self) -> None:
        """Start it; first plan it again where the plan may no longer hold."""
        plan, acting = self.plan, self.desk.actions.service
        if plan is None or acting is None:
            return
        try:
            if self._changed or self._clock() - plan.made_at > FRESH:
                self.say("checking again before anything is sent …")
                again = await self._read_again(plan)
                news = differences(plan, again)
                self._show_plan(again, news)
                if news or again.blocks:
                    self.set_focus(self.confirmation.cancel)
                    self.say("the plan has changed, and nothing was sent; review it, then apply", Role.WARNING)
                    return
                plan = again
            state = await acting.start(plan, self.confirmation.reason.value, self.confirmation.in_words(plan))
        except SessionError as error:
            self.say(error.in_a_line, Role.ERROR)
        else:
            self.desk.actions.follow(state.id)
        finally:
            self._busy = False
