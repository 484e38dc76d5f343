"""What commands may ask of the console and of the screen in front: the app and the screens implement it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from fleet.model.objects import ObjectRef
from themes.palette import Role

if TYPE_CHECKING:
    from actions.request import Request, Target


class Toggle(StrEnum):
    """Switches of a screen."""

    OTHERS = "what serves no model"
    FOLLOW = "follow"
    WRAP = "wrap"
    TIMESTAMPS = "timestamps"
    DIFF = "diff"
    REQUESTS = "requests"


class View(Protocol):
    """The screen in front. What a screen does not have it ignores; the table offers it only where it is."""

    def sort(self, column: str) -> None:
        """Sort by a column; by the same one again: the other way round. Empty: worst first."""
        ...

    def toggle(self, switch: Toggle) -> None: ...

    def step_match(self, step: int) -> None:
        """To the next (1) or previous (-1) match of the search."""
        ...

    def next_container(self) -> None:
        """Logs of the next container of the pod."""
        ...

    def clear(self) -> None:
        """Begin with an empty log."""
        ...

    def read_since(self, seconds: int) -> None:
        """Read the log of the last ``seconds``; 0: its last lines, however old."""
        ...

    def take(self, number: int) -> None:
        """Plan the n-th alternative (from 1) instead."""
        ...

    def stop_action(self) -> None:
        """Stop the action that is shown."""
        ...

    def plan_again(self) -> None:
        """Plan what is shown once more."""
        ...

    def submit(self) -> None:
        """Plan what was filled in."""
        ...

    def back(self) -> bool:
        """Undo what narrows the view (a filter, marks); False where there is nothing to undo."""
        ...


class Desk(Protocol):
    """The console."""

    def leave(self) -> None:
        """End the program; asks first while actions are under way."""
        ...

    def say(self, text: str, role: Role = Role.TEXT) -> None:
        """Say it in the message line of the screen in front."""
        ...

    def go_back(self) -> None:
        """To the screen before; on the first screen a hint how to quit."""
        ...

    def go_home(self) -> None:
        """To the fleet."""
        ...

    def suspend(self) -> None:
        """Stop as ctrl-z stops any program, until ``fg``."""
        ...

    def narrow(self, text: str) -> None:
        """Filter the screen in front."""
        ...

    def refresh_now(self) -> None:
        """Measure now."""
        ...

    def ask_command(self) -> None:
        """Open the command line."""
        ...

    def ask_filter(self) -> None:
        """Open the line for a filter or, where there is text, a search."""
        ...

    def open_palette(self) -> None: ...

    def open_help(self) -> None: ...

    def open_detail(self, key: str) -> None:
        """Everything about a pod or a workload."""
        ...

    def open_nodes(self, key: str | None) -> None:
        """Nodes and GPUs, with the cursor on the node or GPU of ``key`` where there is one."""
        ...

    def open_sources(self) -> None: ...

    def open_joins(self) -> None: ...

    def open_audit(self) -> None: ...

    def open_logs(self, pod: str, *, previous: bool) -> None:
        """Logs of a pod (its key)."""
        ...

    def open_describe(self, ref: ObjectRef) -> None: ...

    def open_yaml(self, ref: ObjectRef) -> None: ...

    def open_local(self) -> None:
        """The vLLM servers of this machine."""
        ...

    def open_server(self, name: str) -> None:
        """Everything about one of them."""
        ...

    def open_server_log(self, name: str) -> None: ...

    def open_benches(self, name: str) -> None:
        """The benchmarks of a server's model."""
        ...

    def open_entries(self, name: str) -> None:
        """A server as an entry for gateways."""
        ...

    def choose_namespace(self) -> None: ...

    def choose_context(self) -> None: ...

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        """Look elsewhere; an unknown name is refused with what there is."""
        ...

    async def switch_to_favourite(self, number: int) -> None:
        """To the n-th namespace (from 1) of those that were looked at last, then by name."""
        ...

    # What follows changes the cluster, or leads there; in read-only mode nothing calls it.

    def ask_amount(self, label: str, current: int, choose: Callable[[int], None]) -> None:
        """Ask for a number in a line that starts as ``current``."""
        ...

    def open_plan(self, request: Request) -> None:
        """Plan it, and show the plan."""
        ...

    def open_undo(self) -> None:
        """Plan what takes the last action back."""
        ...

    def open_revisions(self, target: Target) -> None:
        """The revisions of a workload, to choose one."""
        ...

    def open_actions(self) -> None:
        """The actions of this session."""
        ...

    def open_up(self, model: str) -> None:
        """The form for a server to start on this machine; ``model`` may be empty, or the name of a preset."""
        ...

    async def open_same(self, pod: str) -> None:
        """The same form, filled with what a pod (its key) runs."""
        ...

    def open_restart(self, name: str) -> None:
        """The form for a server of this machine that is started again, filled with what it runs."""
        ...

    def open_try(self, name: str) -> None:
        """A word with a server."""
        ...

    def open_bench(self, name: str) -> None:
        """The form for a benchmark of a server."""
        ...
