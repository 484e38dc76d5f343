"""The confirmation of a plan: the input required before it may be applied, and the two buttons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from textual.widget import Widget

from actions.planning.large_step import large_step
from actions.planning.plan import Plan
from console.screens.confirm import Buttons
from themes.palette import Role
from widgets.field import Field
from widgets.push_button import PushButton

SUFFIX: Final = 5
"""Characters at the end of a pod's name that identify it among its siblings."""


def answers(plan: Plan) -> tuple[str, ...]:
    """Return the accepted input for the target in production: its name, or the end of a pod's name."""
    name = plan.target.name
    return (name, name[-SUFFIX:]) if plan.target.kind == "Pod" else (name,)


def asked(plan: Plan) -> str:
    """Return the prompt, short enough to leave room for the input."""
    if plan.target.kind == "Pod" and not plan.parts:
        return f"type the last {SUFFIX} characters of the pod ({plan.target.name[-SUFFIX:]})"
    others = len(plan.request.targets) - 1
    return f"type {plan.target.name}{f' (and {others} more are included)' if others else ''}"


class Confirmation:
    """A line for the reason, one for the name of the target in production, and one for the number of a large step."""

    def __init__(self, reason_key: str = "") -> None:
        self._key = reason_key
        """The key that leads to the line for the reason."""
        self.reason = Field("reason ", id="reason")
        self.name = Field("type the name of the target to apply ", id="name")
        self.number = Field("type the number of replicas to apply ", id="number")
        self.cancel = PushButton("Cancel", id="cancel")
        self._apply = PushButton("Apply", Role.DIM, id="apply")

    def widgets(self) -> Iterable[Widget]:
        """All of them, in the order of the screen."""
        yield from self._fields
        yield Buttons(self.cancel, self._apply)

    @property
    def _fields(self) -> tuple[Field, ...]:
        return self.reason, self.name, self.number

    @property
    def is_typed_into(self) -> bool:
        """True if one of the lines has the keys."""
        return any(field.typing for field in self._fields)

    def ask(self, plan: Plan) -> None:
        """Label each line with what this plan requires there."""
        large = large_step(plan)
        if large is not None:
            self.number.relabel(f"from {large.before} to {large.after} {large.what}: type {large.after} to apply: ")
        self.reason.relabel("reason, required: " if plan.scope.require_reason else f"reason ({self._key}): ")
        self.name.relabel(f"{asked(plan)} to apply: ")

    def show(self, plan: Plan, *, ready: bool) -> None:
        """Show the button as it looks for a plan that is ready to be applied, or is not."""
        self._apply.show("Apply", Role.DIM if not ready else Role.CRITICAL if plan.scope.production else Role.STRONG)

    def lacking(self, plan: Plan) -> Iterator[tuple[Field, str]]:
        """Give the lines that are not yet as they must be, and why."""
        if plan.scope.require_reason and not self.reason.value:
            yield self.reason, "a reason is required here"
        if plan.scope.production and self.name.value not in answers(plan):
            yield self.name, f"this is production: {asked(plan)} to continue"
        large = large_step(plan)
        if large is not None and self.number.value != large.after:
            yield self.number, f"from {large.before} to {large.after} {large.what}: type {large.after} to continue"

    def in_words(self, plan: Plan) -> str:
        """Return how it was confirmed, for the record."""
        large = large_step(plan)
        typed = [self.name.value] if plan.scope.production else []
        typed += [large.after] if large is not None else []
        return f"typed {' and '.join(typed)}, then Apply" if typed else "Apply"
