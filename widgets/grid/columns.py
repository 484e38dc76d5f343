"""Columns that fit a width: their widths, and the page of each of the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fleet.dataclass import dataclass
from widgets.grid.model import GridColumn


@dataclass(frozen=True, slots=True)
class Placed:
    """A column on a page."""

    index: int
    """Position in the model's columns (and in a row's cells)."""
    column: GridColumn
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPage:
    """The columns that are shown side by side."""

    placed: tuple[Placed, ...]
    gap: int
    spare: int = 0
    """Blank cells right of the last column."""


def gap_for(width: int) -> int:
    """Blank cells between columns: two where there is room."""
    return 2 if width >= 110 else 1


def pages(columns: Sequence[GridColumn], width: int, only: Collection[str] = ()) -> tuple[ColumnPage, ...]:
    """Lay columns out for a width, in cells. Every column is on some page; the first one is on all of them. With
    ``only`` there are none but the first and those with these ids.

    The first page takes columns by priority while they fit; the rest goes to the next page by the same rule. Within a
    page the columns keep their order. Returns at least one page, even for a width of 0.
    """
    if not columns:
        return (ColumnPage((), 1, width),)
    found = _pages(columns, width, gap_for(width), only)
    # A page is not turned for what a cell between the columns would make room for.
    return found if len(found) == 1 else min(found, _pages(columns, width, 1, only), key=len)


def _pages(columns: Sequence[GridColumn], width: int, gap: int, only: Collection[str]) -> tuple[ColumnPage, ...]:
    shown = [i for i in range(1, len(columns)) if not only or columns[i].id in only]
    left = sorted(shown, key=lambda i: columns[i].priority)
    out: list[ColumnPage] = []
    while left or not out:
        taken = {0: max(columns[0].width, min(int(width * columns[0].share), columns[0].widest))}
        free = width - taken[0]
        for i in left:
            column = columns[i]
            if column.width + gap <= free and (column.fills or all(j in taken for j in left[: left.index(i)])):
                wanted = min(int(width * column.share), column.widest, free - gap)
                taken[i] = max(column.width, wanted)
                free -= taken[i] + gap
        if len(taken) == 1 and left:
            # Not even one column fits beside the name: it gets the remaining width, truncated.
            taken[left[0]] = columns[left[0]].width
        left = [i for i in left if i not in taken]
        indices = sorted(taken)
        placed = _widen([columns[i] for i in indices], indices, [taken[i] for i in indices], width, gap)
        used = sum(p.width for p in placed) + gap * (len(placed) - 1)
        out.append(ColumnPage(placed, gap, max(0, width - used)))
    return tuple(out)


def _widen(
    columns: list[GridColumn], indices: list[int], widths: list[int], width: int, gap: int
) -> tuple[Placed, ...]:
    """Distribute spare width to the columns that can use it, by weight; take a deficit from the name."""
    spare = width - sum(widths) - gap * (len(columns) - 1)
    if spare < 0:
        least = min(8, widths[0])
        given = min(-spare, widths[0] - least)
        widths[0] -= given
        widths[-1] = max(0, widths[-1] + spare + given)
    while spare > 0:
        growing = [i for i, column in enumerate(columns) if column.grow and widths[i] < column.widest]
        if not growing:
            break
        weight = sum(columns[i].grow for i in growing)
        share = spare
        for i in growing:
            more = min(max(1, share * columns[i].grow // weight), columns[i].widest - widths[i], spare)
            widths[i] += more
            spare -= more
    return tuple(Placed(i, column, w) for i, column, w in zip(indices, columns, widths, strict=True))


def column_at(page: ColumnPage, x: int) -> GridColumn | None:
    """Return the column at a cell of a line; None right of the last one."""
    end = 0
    for placed in page.placed:
        end += placed.width
        if x < end:
            return placed.column
        end += page.gap
    return None
