"""The drawing of a severity: one glyph, one role."""

from __future__ import annotations

from fleet.model.severity import Severity
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Span

_ROLES = {severity: Role(severity.value) for severity in Severity}


def severity_glyph(severity: Severity, glyphs: Glyphs) -> str:
    """The glyph of a severity, one cell wide."""
    match severity:
        case Severity.CRITICAL:
            return glyphs.critical
        case Severity.WARNING:
            return glyphs.warning
        case Severity.UNKNOWN:
            return glyphs.unknown
        case Severity.STARTING:
            return glyphs.starting
        case Severity.OK:
            return glyphs.ok
        case Severity.ASLEEP:
            return glyphs.asleep
        case Severity.GONE:
            return glyphs.gone


def severity_role(severity: Severity) -> Role:
    """The role of a severity's glyph and reason."""
    return _ROLES[severity]


def severity_span(severity: Severity | None, glyphs: Glyphs) -> Span:
    """The glyph in its role; a blank for None."""
    return Span(" ") if severity is None else Span(severity_glyph(severity, glyphs), _ROLES[severity])
