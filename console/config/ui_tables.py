"""The named tables of ``[ui]``: saved views, and themes of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from console.config.fields import STRICT, setting
from fleet.dataclass import dataclass

BuiltInTheme = Literal["quarterdeck-dark", "quarterdeck-light", "quarterdeck-contrast", "ansi"]
ViewedScreen = Literal["fleet", "nodes", "alerts", "incidents", "objectives", "timeline", "joins"]


@dataclass(frozen=True, slots=True)
class SavedView:
    """A table as it was saved by `:view save NAME`, for `:view NAME` and `--view NAME`."""

    __pydantic_config__: ClassVar[Any] = STRICT
    screen: ViewedScreen = setting("fleet", "The table.")
    filter: str = setting("", "What is typed behind `/`.")
    sort: str = setting("", "Column that it is sorted by (`ttft`, `wait`, `name` …). Empty: worst first.")
    ascending: bool = setting(False, "The other way round: the smallest first, or names from A to Z.")
    others: bool = setting(False, "With what serves no model, or holds no GPU.")
    namespace: str = setting("", "Its namespace; `all` for every one. Empty: the one in view.")
    columns: tuple[str, ...] = setting(
        (), "The columns beside the name, by the names that `:columns` lists. Empty: all, as many as fit."
    )
    expanded: tuple[str, ...] = setting(
        (), "Rows that stay open, as with `+`: `NAMESPACE/KIND/NAME` of a workload, or a node's name."
    )


@dataclass(frozen=True, slots=True)
class OwnTheme:
    """A theme of one's own, for `[ui] theme` and `:theme NAME`: another one with some styles changed."""

    __pydantic_config__: ClassVar[Any] = STRICT
    like: BuiltInTheme = setting("quarterdeck-dark", "The theme that it is based on.")
    styles: Mapping[str, str] = setting(
        {},
        'Role → style: `styles = { critical = "bold #ff5f5f", cursor = "on color(236)" }`. Roles: dim, strong, ok, '
        "starting, warning, critical, unknown, asleep, gone, stale, head, accent, key, bar, trend, match, error, "
        "cursor, picked. A hardly legible style (contrast below 3:1) causes a warning.",
    )
