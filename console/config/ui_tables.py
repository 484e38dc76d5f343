"""The named tables of ``[ui]``: saved views, and themes of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from console.config.fields import STRICT, setting
from fleet.dataclass import dataclass

BuiltInTheme = Literal["quarterdeck-dark", "quarterdeck-light", "quarterdeck-contrast", "ansi"]
ViewedScreen = Literal["fleet", "nodes", "alerts"]


@dataclass(frozen=True, slots=True)
class SavedView:
    """A table as it was saved by `:view save NAME`, for `:view NAME` and `--view NAME`."""

    __pydantic_config__: ClassVar[Any] = STRICT
    screen: ViewedScreen = setting("fleet", "The table.")
    filter: str = setting("", "The filter, as typed after `/`.")
    sort: str = setting("", "Column to sort by (`ttft`, `wait`, `name` …). Empty: worst first.")
    ascending: bool = setting(False, "Reverse order: smallest first, or names from A to Z.")
    others: bool = setting(False, "Include what serves no model or holds no GPU.")
    namespace: str = setting("", "Its namespace; `all` for all. Empty: the current one.")


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
