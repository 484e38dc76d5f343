"""A quantity over time: of one or two objects, at one or two times, as far back as the metrics store reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import ConsoleScreen, background, bindings_of
from console.session.failure import SessionError
from console.views.plot_page import (
    Layer,
    PlotPage,
    chart_model,
    kept_curve,
    kept_text,
    plot_lines,
    recorded_text,
    source_text,
)
from console.views.plot_quantities import EARLIER, SPANS, Plotted, found, plotted_of
from console.views.series import series_of
from console.views.subject import ref_of
from fleet.model.curve import Curve, CurveQuestion, TimeRange, time_range
from fleet.model.naming import UNKNOWN_NAMING
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.chart import AXIS, time_at
from widgets.chart_view import ChartView
from widgets.line import Line, plain

if TYPE_CHECKING:
    from fleet.timeline.entry import Entry

_LEAST_WINDOW = 60.0
"""Seconds: the window of the rates, unless a Snapshot has another."""
_SELDOM = 15.0
"""Seconds between two questions for the same curve, at least."""
_SHOWN_FOR = 60.0
"""Seconds after which what happened is asked for again: a rollout may begin while one looks."""
_SCRAPES = 4
"""Scrapes in a window of the rates: no two points are nearer than one of them."""


class PlotScreen(ConsoleScreen):
    """One plot at a time; the console's own data is shown at once, and the store's when it arrives."""

    where = ScreenId.PLOT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.PLOT)

    def __init__(self, desk: Desk, keys: Sequence[str], wanted: str = "") -> None:
        self._keys = tuple(keys[:2])
        self._names = _unique_names(self._keys)
        self._span = next(iter(SPANS))
        self._earlier = 0
        self._pointer = math.nan
        self._curves: dict[tuple[str, Plotted, str, float], Curve] = {}
        self._problem = ""
        self._entries: tuple[Entry, ...] = ()
        self._told_since = math.inf
        self._told_at = -math.inf
        snapshot = desk.snapshot
        self._plots = plotted_of(snapshot, self._keys[0]) if snapshot is not None else ()
        self._at = found(self._plots, wanted) or 0 if wanted else 0
        self.chart = ChartView(self._draw_page)
        super().__init__(desk)

    def body(self) -> Iterable[Widget]:
        yield self.chart

    @property
    def subject(self) -> str | None:
        return self._keys[0]

    def on_mount(self) -> None:
        self.focus_body()
        self._ask_all()

    def draw(self, snapshot: Snapshot) -> None:
        if self._is_due():
            self._ask()
        if self._plots and snapshot.at - self._told_at >= _SHOWN_FOR:
            self._ask_what_happened()
        self.chart.redraw()

    # used by commands

    def step_plot(self, step: int) -> None:
        if self._plots:
            self._at = (self._at + step) % len(self._plots)
            self._show_another()

    def show_span(self, span: str) -> None:
        self._span, self._pointer = span, math.nan
        self._show_another()

    def compare(self) -> None:
        """Lay the next earlier moment over it, or none."""
        self._earlier = (self._earlier + 1) % len(EARLIER)
        self._show_another()

    def point(self, step: int) -> None:
        """Move the pointer by so many points; it begins at the newest."""
        wanted = self._range()
        at = wanted.points - 1 if math.isnan(self._pointer) else wanted.index(self._pointer) + step
        self._pointer = wanted.start + wanted.step * min(max(0, at), wanted.points - 1)
        self.chart.redraw()

    def back(self) -> bool:
        """Take the pointer away first."""
        if math.isnan(self._pointer):
            return False
        self._pointer = math.nan
        self.chart.redraw()
        return True

    def on_chart_view_pointed(self, message: ChartView.Pointed) -> None:
        # The pointer follows the mouse once a button or key has set it.
        page = self._page()
        if page is not None and (message.is_pressed or not math.isnan(self._pointer)):
            at = time_at(chart_model(page, self.chart.glyphs), self.chart.size.width, message.x)
            if not math.isnan(at):
                self._pointer = page.range.start + page.range.step * page.range.index(at)
                self.chart.redraw()

    def as_promql(self) -> str:
        from fleet.metrics.ingredients import query_behind

        snapshot = self.desk.snapshot
        series = series_of(snapshot, self._keys[0]) if snapshot is not None and self._plots else None
        if snapshot is None or series is None:
            return ""
        plot = self._plot
        sources = series.gateway_sources if plot.of_gateways else series.gpu_sources if plot.of_gpus else series.sources
        naming = snapshot.naming.get(next(iter(sources), ""), UNKNOWN_NAMING) if len(sources) == 1 else UNKNOWN_NAMING
        return query_behind(plot.quantity, series, self._window(snapshot), naming, self._range().step)

    # display

    @property
    def _plot(self) -> Plotted:
        return self._plots[self._at]

    def _range(self) -> TimeRange:
        """The range in as many points as there are dots for, and no more."""
        snapshot = self.desk.snapshot
        at, window = (snapshot.at, self._window(snapshot)) if snapshot is not None else (0.0, _LEAST_WINDOW)
        across = max(20, self.size.width - AXIS)
        return time_range(at, SPANS[self._span], 2 * across, window / _SCRAPES)

    @staticmethod
    def _window(snapshot: Snapshot) -> float:
        return snapshot.window if snapshot.method == "prometheus" and snapshot.window else _LEAST_WINDOW

    def _draw_page(self, width: int, height: int, glyphs: Glyphs) -> Sequence[Line]:
        page = self._page()
        if page is None:
            return [plain(" nothing of this is measured over time")]
        return plot_lines(page, width, height, glyphs)

    def _page(self) -> PlotPage | None:
        snapshot = self.desk.snapshot
        if snapshot is None or not self._plots:
            return None
        plot, wanted = self._plot, self._range()
        layers = [self._layer(snapshot, key, plot, wanted, 0.0) for key in self._keys]
        words, before = EARLIER[self._earlier]
        if before:
            layers.append(self._layer(snapshot, self._keys[0], plot, wanted, before, words))
        first = layers[0].curve
        store = self._curves.get((self._keys[0], plot, self._span, 0.0))
        if store is not None:
            # It may have nothing from these times.
            state = (
                recorded_text(store, snapshot.at)
                if store.is_recorded
                else source_text(store.range, self._window(snapshot))
            )
        else:
            state = f"{kept_text(snapshot, first)}; {self._problem or 'querying the metrics store …'}"
        # A store's points stay at their queried times until the next ones arrive.
        shown = store.range if store is not None else wanted
        return PlotPage(
            self._keys,
            plot,
            self._span,
            shown,
            tuple(layers),
            tuple(entry for entry in self._entries if shown.start <= entry.at <= shown.end),
            self._pointer,
            state,
            is_problem=bool(self._problem) and store is None,
            number=f"{self._at + 1}/{len(self._plots)}",
        )

    def _layer(
        self, snapshot: Snapshot, key: str, plot: Plotted, wanted: TimeRange, before: float, words: str = ""
    ) -> Layer:
        curve = self._curves.get((key, plot, self._span, before))
        if curve is None and not before:
            curve = kept_curve(snapshot, key, plot, wanted)
        if not words:
            words = self._names[key] if len(self._keys) > 1 else "now"
        return Layer(words, curve, before)

    # queries

    def _show_another(self) -> None:
        self._problem = ""
        self.chart.redraw()
        self._ask_all()

    def _ask_all(self) -> None:
        if self._plots:
            self._ask()
            self._ask_what_happened()

    def _is_due(self) -> bool:
        """True if the store has another point by now; a store that did not answer is not queried again
        automatically.
        """
        if not self._plots or self._problem:
            return False
        shown = self._curves.get((self._keys[0], self._plot, self._span, 0.0))
        return shown is not None and self._range().end >= shown.range.end + max(shown.range.step, _SELDOM)

    @background("curves")
    async def _ask(self) -> None:
        """One query for each curve, the newest first."""
        snapshot = self.desk.snapshot
        if snapshot is None:
            return
        plot, span, wanted, window = self._plot, self._span, self._range(), self._window(snapshot)
        before = EARLIER[self._earlier][1]
        asked = [(key, 0.0) for key in self._keys] + ([(self._keys[0], before)] if before else [])
        for key, earlier in asked:
            series = series_of(snapshot, key)
            if series is None:
                continue
            question = CurveQuestion(plot.quantity, series, wanted.before(earlier), window, plot.band, key, plot.peaks)
            try:
                curve = await self.desk.session.curve(question)
            except SessionError as error:
                self._problem = error.in_a_line
                self.chart.redraw()
                return
            # Shifted to the present time axis.
            self._curves[key, plot, span, earlier] = replace(curve, range=wanted)
            self._problem = ""
            self.chart.redraw()

    @background("happened")
    async def _ask_what_happened(self) -> None:
        """Ask for a longer range, and again after a minute; without an answer there are no marks."""
        snapshot, since = self.desk.snapshot, self._range().start
        if snapshot is None or (since >= self._told_since and snapshot.at - self._told_at < _SHOWN_FOR):
            return
        self._told_at = snapshot.at
        entries: dict[Entry, None] = {}
        for key in self._keys:
            of = ref_of(snapshot.everything, key) or snapshot.cluster.id
            try:
                timeline = await self.desk.session.timeline(of, since)
            except SessionError:
                return
            entries |= dict.fromkeys(timeline.entries)
        self._told_since, self._entries = since, tuple(sorted(entries, key=lambda entry: entry.at))
        self.chart.redraw()


def _unique_names(keys: Sequence[str]) -> dict[str, str]:
    """Return the names of objects: whole keys where the names are the same."""
    names = {key: key.rpartition("/")[2] for key in keys}
    return names if len(set(names.values())) == len(keys) else dict(zip(keys, keys, strict=True))
