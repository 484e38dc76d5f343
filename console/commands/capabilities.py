"""Capabilities of the front screen: one small protocol for each.

A command names the capability that it needs (``Command.needs``): if the front screen lacks it, the command is not
available.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from console.views.query import Query
    from fleet.model.quantity import Quantity
    from widgets.grid import Arrangement


def has_ability(view: object, ability: type) -> bool:
    """True if a screen has a capability. Called for every key of the key bar whenever the cursor moves."""
    screen: type = type(view)
    return _has(screen, ability)


@cache
def _has(screen: type, ability: type) -> bool:
    """True if a class has a capability, cached: ``isinstance`` walks a protocol each time."""
    named = {*vars(ability), *vars(ability).get("__annotations__", {})}
    return all(hasattr(screen, name) for name in named if not name.startswith("_"))


@runtime_checkable
class StepsBack(Protocol):
    """A screen with something to undo before it is left: a filter, marks, an answer that is coming."""

    def back(self) -> bool:
        """Undo one step; False if there is nothing to undo."""
        ...


@runtime_checkable
class Narrowable(Protocol):
    """A screen that can be filtered or, where it is text, searched."""

    narrows_at_once: bool
    """True if it is narrowed while the filter is typed."""

    @property
    def narrowed(self) -> str:
        """The filter or the search in force, as it was typed."""
        ...

    def narrow(self, text: str) -> str | None:
        """Filter by, or search for, a text; return the problem, None if there is none."""
        ...


@runtime_checkable
class Markable(Protocol):
    """A screen on which rows can be marked."""

    @property
    def marked(self) -> tuple[str, ...]:
        """Keys of the rows that are marked, in the order of the screen."""
        ...

    def forget_marks(self) -> None:
        """Clear the marks: another cluster is selected, whose namesakes were not marked."""
        ...


@runtime_checkable
class Sortable(Protocol):
    def sort(self, column: str) -> None:
        """Sort by a column; by the same one again: the other way round. Empty: worst first."""
        ...


@runtime_checkable
class HidesOthers(Protocol):
    """A screen that shows what serves models, and the rest on request."""

    def toggle_others(self) -> None: ...


@runtime_checkable
class ShowsSome(Protocol):
    """A table with filters that have keys."""

    def show_only(self, which: str) -> None:
        """Show only the rows with a word (``is:free``), or (``model``) of the model under the cursor; again: all."""
        ...


@runtime_checkable
class ListsIncidents(Protocol):
    @property
    def is_empty(self) -> bool:
        """True where there is none to open."""
        ...

    def open_incident(self) -> None:
        """Open the incident under the cursor."""
        ...


@runtime_checkable
class OfIncident(Protocol):
    """A screen with an incident under the cursor, or about a single one."""

    @property
    def incident(self) -> str | None:
        """Key of the incident; None where it is an alert, or nothing."""
        ...


@runtime_checkable
class Searchable(Protocol):
    def step_match(self, step: int) -> None:
        """Go to the next (1) or previous (-1) match of the search."""
        ...


@runtime_checkable
class Wrappable(Protocol):
    def toggle_wrap(self) -> None: ...


@runtime_checkable
class Followable(Protocol):
    """A log that can be followed."""

    def toggle_follow(self) -> None: ...

    def clear(self) -> None:
        """Begin with an empty log."""
        ...


@runtime_checkable
class Foldable(Protocol):
    """A text with foldable parts: blocks of a document, the prefixes of log messages."""

    def toggle_folding(self) -> None: ...


@runtime_checkable
class Linked(Protocol):
    """A text with links."""

    @property
    def has_links(self) -> bool: ...

    def step_link(self, step: int) -> None:
        """Go to the next (1) or the previous (-1) name."""
        ...

    def open_link(self) -> None: ...


@runtime_checkable
class LogText(Protocol):
    """The text of a log, and the errors in it."""

    def step_error(self, step: int) -> None:
        """Go to the first line with an error, then to the next (1) or the previous one (-1)."""
        ...


@runtime_checkable
class ReadsLog(Protocol):
    """A screen with the log of a pod."""

    def log_errors(self) -> tuple[str, str, Sequence[str]]:
        """Return the pod's key, the container, and the lines that report an error, the last ones last."""
        ...


@runtime_checkable
class Savable(Protocol):
    """A screen whose text can be saved to a file."""

    def save(self) -> None: ...


@runtime_checkable
class Copyable(Protocol):
    """A screen that determines what is copied."""

    def copied(self) -> tuple[str, str]:
        """Return the text, and a description of it."""
        ...


@runtime_checkable
class AsKubectl(Protocol):
    """A screen with an equivalent kubectl command."""

    def as_kubectl(self) -> str:
        """Return that command; empty for none."""
        ...


@runtime_checkable
class Viewable(Protocol):
    """A table whose filter and order can be saved and shown again."""

    query_: Query

    @property
    def sortable(self) -> frozenset[str]:
        """The columns that it can be sorted by."""
        ...

    def ask(self, query: Query) -> None:
        """Show the table in another way."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The ids of its columns; the first one, which names the row, is always shown."""
        ...

    @property
    def arrangement(self) -> Arrangement:
        """The columns that are shown, and the rows that stay open."""
        ...

    def rearrange(self, wanted: Arrangement) -> None:
        """Show these columns and keep these rows open."""
        ...


@runtime_checkable
class SortedByNumber(Protocol):
    """A table that may be sorted by a quantity."""

    @property
    def sorted_quantity(self) -> Quantity | None:
        """Return it; None where it is sorted by something else."""
        ...


@runtime_checkable
class AsPromql(Protocol):
    """A screen with a number that a query of Prometheus gives."""

    def as_promql(self) -> str:
        """Return that query; empty for none."""
        ...


@runtime_checkable
class PodLog(Protocol):
    """The log of a container of Kubernetes."""

    def toggle_together(self) -> None:
        """Toggle between the merged logs of all pods of the workload and the log of one pod."""
        ...

    def next_container(self) -> None:
        """The log of the next container of the pod."""
        ...

    def toggle_timestamps(self) -> None: ...

    def read_since(self, seconds: int) -> None:
        """Read the log of the last ``seconds``; 0: its last lines, however old."""
        ...


@runtime_checkable
class PlanPage(Protocol):
    def take(self, number: int) -> None:
        """Plan the n-th alternative (from 1) instead."""
        ...

    def toggle_diff(self) -> None: ...

    def toggle_requests(self) -> None: ...

    def write_reason(self) -> None:
        """Go to the line for the reason."""
        ...


@runtime_checkable
class ActionPage(Protocol):
    def stop_action(self) -> None:
        """Stop the action that is shown."""
        ...

    def plan_again(self) -> None:
        """Plan the shown action again."""
        ...


@runtime_checkable
class Fillable(Protocol):
    """A form."""

    def submit(self) -> None:
        """Plan the completed form."""
        ...


@runtime_checkable
class PlotView(Protocol):
    """A page that shows a quantity over time."""

    def step_plot(self, step: int) -> None:
        """Show the next (1) or the previous (-1) quantity."""
        ...

    def show_span(self, span: str) -> None:
        """Show another span, by its name."""
        ...

    def compare(self) -> None:
        """Lay the next earlier moment over it, or none."""
        ...

    def point(self, step: int) -> None:
        """Move the pointer by so many values."""
        ...
