"""The first line of every screen: cluster, identity, permissions, and trust in the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fleet.dataclass import dataclass
from fleet.model.snapshot import Health
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span
from widgets.line_parts import LinePart, arrange
from widgets.line_view import LineView
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text


@dataclass(frozen=True, slots=True)
class SourceBadge:
    """A source as the header shows it."""

    name: str
    health: Health
    age: float = math.nan
    """Seconds since its last good answer; NaN for a source that pushes, or has never answered."""
    progress: str = ""
    """Progress of its first read, in words; empty for none."""


@dataclass(frozen=True, slots=True)
class HeaderModel:
    """Contents of the header. Texts from outside may be passed as they are."""

    cluster: str
    namespace: str = ""
    """Empty for all namespaces."""
    identity: str = ""
    read_only: bool = False
    may_act: bool = True
    """True if this identity is permitted to change anything; True while nobody has said otherwise."""
    under_way: int = 0
    """Actions that are not over."""
    production: bool = False
    sources: tuple[SourceBadge, ...] = ()
    clock: str = ""
    """Time of day, already formatted."""
    notice: str = ""
    """A condition of the whole screen (a moment of the past); shown in front, never dropped, in place of the
    permissions.
    """


def header_line(model: HeaderModel, width: int, glyphs: Glyphs) -> Line:
    """The header in ``width`` cells. The cluster, production, the mode and the sources' glyphs stay at any width."""
    place = untrusted(model.cluster)
    if model.namespace:
        place = f"{place} {glyphs.inside} {untrusted_name(model.namespace)}"
    left = [LinePart((Span(place, Role.STRONG),), short=(Span(untrusted(model.cluster), Role.STRONG),))]
    if model.production:
        left.append(LinePart((Span("PRODUCTION", Role.CRITICAL),), short=(Span("PROD", Role.CRITICAL),)))
    if model.notice:
        left.insert(0, LinePart((Span(f"{glyphs.left} {model.notice}", Role.WARNING),)))
    mode: LinePart | None = None
    if model.read_only:
        mode = LinePart((Span("READ-ONLY", Role.ACCENT),), short=(Span("RO", Role.ACCENT),))
    elif model.notice:
        pass
    elif model.may_act:
        mode = LinePart((Span("read-write", Role.DIM),), short=(Span("RW", Role.DIM),))
    else:
        mode = LinePart((Span("may not act", Role.ACCENT),), short=(Span("NA", Role.ACCENT),))
    right = [LinePart((Span(untrusted(model.identity), Role.DIM),), 3)] if model.identity else []
    if model.under_way:
        number = str(model.under_way)
        words = f"{number} action{'s' if model.under_way > 1 else ''} under way"
        right.append(
            LinePart((Span(words, Role.STARTING),), short=(Span(f"{glyphs.starting}{number}", Role.STARTING),))
        )
    if mode is not None:
        right.append(mode)
    right += [_badge(source, glyphs) for source in model.sources]
    if model.clock:
        right.append(LinePart((Span(model.clock),), 4))
    return arrange(left, right, width, gap=3 if width >= 100 else 2 if width >= 60 else 1)


_HEALTH = {
    Health.STARTING: Role.STARTING,
    Health.LIVE: Role.OK,
    Health.DEGRADED: Role.WARNING,
    Health.DOWN: Role.CRITICAL,
    Health.OFF: Role.GONE,
}


def health_span(health: Health, glyphs: Glyphs) -> Span:
    """The glyph of a source's health."""
    drawn = {
        Health.STARTING: glyphs.starting,
        Health.LIVE: glyphs.ok,
        Health.DEGRADED: glyphs.warning,
        Health.DOWN: glyphs.critical,
        Health.OFF: glyphs.gone,
    }
    return Span(drawn[health], _HEALTH[health])


def _badge(source: SourceBadge, glyphs: Glyphs) -> LinePart:
    glyph = health_span(source.health, glyphs)
    if source.progress:
        words = source.progress
    elif math.isnan(source.age) or source.health is Health.OFF:
        words = source.health.value
    elif source.health is Health.LIVE:
        words = age_text(source.age)
    else:
        words = f"{source.health.value} {age_text(source.age)}"
    well = source.health in {Health.LIVE, Health.OFF}
    role = Role.DIM if well else glyph.role
    initial = Span(source.name[:1].upper())
    return LinePart((Span(source.name + " "), glyph, Span(" " + words, role)), 2 if well else 1, (initial, glyph))


class Header(LineView):
    """One line. ``show`` a HeaderModel whenever something of it changes."""

    DEFAULT_CSS = """
    Header {
        height: 1;
        dock: top;
    }
    """

    def __init__(self, model: HeaderModel | None = None, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._model = model or HeaderModel("")

    def show(self, model: HeaderModel) -> int:
        """Show a model; returns 1 when the line had to be written again."""
        if model == self._model:
            return 0
        self._model = model
        return self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del height
        return [header_line(self._model, width, self.glyphs)]
